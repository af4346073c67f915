"""Attacks: ``craft(model, inputs, labels, *, eps, norm, generator, targets=None, **options)``, one a file.

They know models and tensors, and nothing of where the model comes from.
"""

from robust_hypergan.attacks.arc import arc as arc
from robust_hypergan.attacks.audit import AttackError as AttackError
from robust_hypergan.attacks.audit import Audit as Audit
from robust_hypergan.attacks.audit import craft_audited as craft_audited
from robust_hypergan.attacks.contract import AtLeast as AtLeast
from robust_hypergan.attacks.contract import Attack as Attack
from robust_hypergan.attacks.contract import asks_for_draws as asks_for_draws
from robust_hypergan.attacks.contract import attack_norms as attack_norms
from robust_hypergan.attacks.contract import attack_options as attack_options
from robust_hypergan.attacks.draws import Draws as Draws
from robust_hypergan.attacks.draws import Ensemble as Ensemble
from robust_hypergan.attacks.ensemble_pgd import ensemble_pgd as ensemble_pgd
from robust_hypergan.attacks.entropy_pgd import entropy_pgd as entropy_pgd
from robust_hypergan.attacks.eot_pgd import eot_pgd as eot_pgd
from robust_hypergan.attacks.fgsm import fgsm as fgsm
from robust_hypergan.attacks.listing import list_attacks as list_attacks
from robust_hypergan.attacks.mi_fgsm import mi_fgsm as mi_fgsm
from robust_hypergan.attacks.noise import noise as noise
from robust_hypergan.attacks.norms import NORMS as NORMS
from robust_hypergan.attacks.pgd import pgd as pgd
from robust_hypergan.attacks.registry import BUILT_IN as BUILT_IN
from robust_hypergan.attacks.registry import find_attack as find_attack
from robust_hypergan.attacks.square import square as square

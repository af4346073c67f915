"""An attacker holds one network of a family: how many of the others does the attack fool?

The public names stand in ``__init__.pyi`` and are imported when first used, so that
``robust-hypergan --help`` needs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

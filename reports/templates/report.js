// What a reader can do with the page: dark or light, enlarge a figure, sort and filter tables, browse examples.
// Every control is made here, so that without the script there is none, and everything is shown.
"use strict";
(() => {
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const button = (text, className, act) => {
    const made = make("button", {type: "button", className}, text);
    made.addEventListener("click", act);
    return made;
  };

  const THEME = "robust-hypergan-theme";

  function addThemeSwitch() {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const root = document.documentElement;
    // The choice is kept for the next page where the browser lets it be: not of every file, nor in every mode.
    const remembered = (act) => { try { return act(localStorage); } catch { return null; } };
    const chosen = remembered(store => store.getItem(THEME));
    if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
    const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
    const update = () => { toggle.ariaPressed = String(isDark()); };
    const toggle = button("Dark", "theme", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      remembered(store => store.setItem(THEME, root.dataset.theme));
      update();
    });
    system.addEventListener("change", update);
    update();
    document.querySelector("header").prepend(toggle);
  }

  function addEnlarging() {
    const image = make("img");
    const title = make("h2", {id: "enlarged-title"});
    const caption = make("p");
    const bar = make("div", {className: "bar"}, title, button("Close", "close", () => dialog.close()));
    const view = make("div", {className: "view", tabIndex: 0, role: "group", ariaLabel: "Figure"}, image);
    const dialog = make("dialog", {className: "enlarged"}, bar, view, caption);
    dialog.setAttribute("aria-labelledby", title.id);
    dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
    document.body.append(dialog);
    for (const figure of document.querySelectorAll("figure.chart")) {
      const own = figure.querySelector("img");
      const open = () => {
        Object.assign(image, {src: own.src, alt: own.alt});
        title.textContent = figure.dataset.title;
        caption.textContent = figure.querySelector("figcaption").textContent;
        enlarge.focus({preventScroll: true});  // where closing gives it back to
        dialog.showModal();
      };
      const enlarge = button("Enlarge", "enlarge", open);
      Object.assign(enlarge, {ariaLabel: `Enlarge: ${figure.dataset.title}`, ariaHasPopup: "dialog"});
      own.addEventListener("click", open);
      own.classList.add("enlargeable");
      own.after(enlarge);
    }
  }

  // What a cell is sorted by: nothing for a dash, a number where one leads ("59%", "<1%", "1,234", "56–62%") or where
  // it is a time ("1 min 14 s"), or text.
  function sortKey(cell) {
    const text = cell.textContent.trim().replaceAll("−", "-");
    if (/^[–-]?$/.test(text)) return null;
    const time = /^(?:(\d+) h ?)?(?:(\d+) min ?)?(?:([\d.]+) s)?$/.exec(text);
    if (time) return 3600 * (time[1] ?? 0) + 60 * (time[2] ?? 0) + Number(time[3] ?? 0);
    const number = /^([<>]?)([-+]?[\d,]*\.?\d+(?:e[-+]?\d+)?)/i.exec(text);
    if (!number) return text.toLowerCase();
    return Number(number[2].replaceAll(",", "")) + ({"<": -1e-9, ">": 1e-9}[number[1]] ?? 0);
  }

  function compareText(left, right) {
    const [a, b] = [left, right].map(text => text.split(/(\d+(?:\.\d+)?)/)); // odd places are numbers
    for (let place = 0; place < Math.min(a.length, b.length); place++) {
      const order = place % 2 ? a[place] - b[place] : a[place].localeCompare(b[place], "en");
      if (order) return order;
    }
    return a.length - b.length;
  }

  function compareKeys(left, right) {
    if (typeof left === "number" && typeof right === "number") return left - right;
    if (typeof left !== typeof right) return typeof left === "number" ? -1 : 1;
    return compareText(left, right);
  }

  function makeSortable(table, bodies, rows) {
    const headings = [...table.tHead.rows[0].cells];
    const grouped = table.classList.contains("grouped");
    const sort = (heading, column) => {
      const order = {ascending: "descending", descending: null}[heading.ariaSort ?? ""];
      const next = order === undefined ? "ascending" : order;
      for (const each of headings) each.ariaSort = null;
      heading.ariaSort = next;
      table.classList.toggle("grouped", grouped && !next);
      for (const [body, own] of bodies) body.append(...own);
      if (!next) return;
      const keyed = rows.map(row => [sortKey(row.cells[column]), row]);
      const filled = keyed.filter(([key]) => key !== null);
      const sign = next === "ascending" ? 1 : -1;
      filled.sort(([left], [right]) => sign * compareKeys(left, right));
      const dashes = keyed.filter(([key]) => key === null);
      bodies[0][0].append(...[...filled, ...dashes].map(([, row]) => row));
    };
    headings.forEach((heading, column) => {
      heading.append(button(heading.textContent, "sort", () => sort(heading, column)));
      heading.firstChild.remove();
    });
  }

  function makeFilterable(table, bodies, rows, name) {
    const words = new Map(rows.map(row => [row, [...row.cells].map(cell => cell.textContent).join(" ").toLowerCase()]));
    const status = make("span", {role: "status"}, `${rows.length} rows`);
    const field = make("input", {type: "search", autocomplete: "off", ariaLabel: `Filter the rows of: ${name}`});
    field.addEventListener("input", () => {
      const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const row of rows) row.hidden = !wanted.every(word => words.get(row).includes(word));
      for (const [, own] of bodies) {
        const group = own.find(row => row.classList.contains("group"));
        if (group) group.hidden = own.every(row => row === group || row.hidden);
      }
      const shown = rows.filter(row => !row.hidden).length;
      status.textContent = wanted.length ? `${shown} of ${rows.length} rows shown` : `${rows.length} rows`;
    });
    const label = make("label", {}, "Filter rows ", field);
    table.parentElement.before(make("div", {className: "controls"}, label, status));
  }

  function improveTables(fewest = 9) {
    for (const table of document.querySelectorAll("main table")) {
      const bodies = [...table.tBodies].map(body => [body, [...body.rows]]);
      const rows = bodies.flatMap(([, own]) => own).filter(row => !row.classList.contains("group"));
      if (rows.length > 1) makeSortable(table, bodies, rows);
      if (rows.length >= fewest) makeFilterable(table, bodies, rows, table.caption.textContent);
    }
  }

  function browseExamples() {
    const holder = document.querySelector(".examples");
    if (!holder) return;
    const cards = [...holder.querySelectorAll(".example")];
    const names = {attack: "Attack", eps: "eps", quantile: "Quantile of the fooled fraction"};
    const selects = Object.entries(names).map(([key, name]) => {
      const select = make("select", {name: key});
      select.addEventListener("change", show);
      return [key, select, make("label", {}, `${name} `, select)];
    });
    const status = make("p", {role: "status", className: "unseen"});
    holder.classList.add("browsing");
    holder.before(make("div", {className: "controls"}, ...selects.map(([, , label]) => label)), status);

    // Each choice leaves fewer examples for the next; one that is no longer there falls back to the middle.
    function show() {
      let left = cards;
      for (const [key, select] of selects) {
        const values = [...new Set(left.map(card => card.dataset[key]))];
        const fallback = key === "attack" ? values[0] : values[Math.floor(values.length / 2)];
        const chosen = values.includes(select.value) ? select.value : fallback;
        select.replaceChildren(...values.map(value => new Option(value, value, false, value === chosen)));
        left = left.filter(card => card.dataset[key] === chosen);
      }
      for (const card of cards) card.hidden = card !== left[0];
      status.textContent = left[0].querySelector("h3").textContent;
    }
    show();
  }

  // The contents mark the section that is being read.
  function followReading() {
    const links = new Map([...document.querySelectorAll("nav a")].map(link => [link.hash.slice(1), link]));
    const headings = [...links.keys()].map(id => document.getElementById(id));
    if (!headings.length) return;
    const mark = () => {
      const passed = headings.filter(heading => heading.getBoundingClientRect().top < innerHeight / 3);
      const current = (passed.at(-1) ?? headings[0]).id;
      for (const [id, link] of links) link.ariaCurrent = id === current ? "true" : null;
    };
    addEventListener("scroll", mark, {passive: true});
    mark();
  }

  addThemeSwitch();
  addEnlarging();
  improveTables();
  browseExamples();
  followReading();
})();

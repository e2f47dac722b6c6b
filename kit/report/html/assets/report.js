// Theme, sorting and filtering. Without this file every page still says everything.
"use strict";

const THEMES = ["auto", "light", "dark"];

function storedTheme() {
  try {
    return THEMES.includes(localStorage.getItem("kit-theme")) ? localStorage.getItem("kit-theme") : "auto";
  } catch {
    return "auto"; // a browser may refuse storage to pages from disk
  }
}

function applyTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

applyTheme(storedTheme()); // before the first paint

function themeButton(button) {
  let theme = storedTheme();
  const show = () => { button.querySelector("span").textContent = theme; };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    try { localStorage.setItem("kit-theme", theme); } catch { /* it holds for this page */ }
    applyTheme(theme);
    show();
  });
  button.hidden = false;
  show();
}

// What a cell sorts by: its stored number, else its text; null, always last, where that is empty.
function sortKey(row, column, by) {
  const cell = row.cells[column];
  if (!cell) return null;
  const stored = cell.dataset[by] ?? cell.dataset.sort;
  if (stored !== undefined) return stored === "" ? null : Number(stored);
  const text = cell.textContent.trim();
  if (text === "") return null;
  return Number.isFinite(Number(text)) ? Number(text) : text.toLowerCase();
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

function sortRows(table, column, direction, by) {
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row, index) => ({ row, index, key: sortKey(row, column, by) }));
  rows.sort((a, b) => {
    if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || a.index - b.index;
    return direction * compare(a.key, b.key) || a.index - b.index;
  });
  body.append(...rows.map(({ row }) => row));
  table.classList.add("sorted");
}

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const by = document.querySelector(`[data-filters="${table.id}"] [data-sort-by]`);
  let column = -1;
  let direction = 1;
  const sort = () => {
    if (column < 0) return;
    sortRows(table, column, direction, by ? by.value : "published");
    heads.forEach((head, index) => {
      if (index === column) head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  };
  heads.forEach((head, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      direction = column === index ? -direction : 1;
      column = index;
      sort();
    });
  });
  if (by) by.addEventListener("change", sort);
}

function filters(box) {
  const table = document.getElementById(box.dataset.filters);
  const heads = [...table.tHead.rows[0].cells].map((head) => head.textContent.trim());
  const rows = [...table.tBodies[0].rows];
  const search = box.querySelector("input");
  const selects = [...box.querySelectorAll("select[data-column]")];
  const count = box.querySelector("output");
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word)) && selects.every((select) =>
        select.value === "" || row.cells[heads.indexOf(select.dataset.column)].textContent.trim() === select.value);
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = shown === rows.length ? `${rows.length} rows` : `${shown} of ${rows.length} rows`;
  };
  search.addEventListener("input", apply);
  selects.forEach((select) => select.addEventListener("change", apply));
  box.hidden = false;
  apply();
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-theme-button]").forEach(themeButton);
  document.querySelectorAll("[data-filters]").forEach(filters);
  document.querySelectorAll("table.sortable").forEach(sortable);
});

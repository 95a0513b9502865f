"use strict";
const rows = [...document.querySelectorAll("[data-row]")];
let here = -1;

function move(by) {
  if (!rows.length) return;
  if (here >= 0) rows[here].classList.remove("here");
  here = Math.max(0, Math.min(rows.length - 1, here + by));
  rows[here].classList.add("here");
  rows[here].scrollIntoView({ block: "nearest" });
}

function follow(selector) {
  const link = document.querySelector(selector);
  if (link) link.click();
  return Boolean(link);
}

function typing(target) {
  return target.closest("input, textarea, select, [contenteditable]");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const key = event.key;
  if (key === "?") document.getElementById("help").showModal();
  else if (key === "j" || key === "k") {
    if (!follow(`[data-step="${key}"]`)) move(key === "j" ? 1 : -1);
  } else if (key === "Enter" && here >= 0 && event.target === document.body) {
    const link = rows[here].querySelector("a");
    if (link) link.click();
  } else if (key === "u") follow("[data-up]");
  else if (key === "/") {
    const field = document.querySelector("[data-search]");
    if (!field) return;
    field.focus();
    field.select();
  } else if (/^[a-z]$/.test(key)) {
    if (!follow(`[data-key="${key}"]`)) return;
  } else return;
  event.preventDefault();
});

for (const row of document.querySelectorAll("tr[data-row]"))
  row.addEventListener("click", (event) => {
    if (event.target.closest("a, button") || String(getSelection())) return;
    const link = row.querySelector("a");
    if (link) link.click();
  });

for (const button of document.querySelectorAll("[data-help]"))
  button.addEventListener("click", () => document.getElementById("help").showModal());

for (const button of document.querySelectorAll("[data-back]"))
  button.addEventListener("click", () => history.back());

for (const form of document.querySelectorAll("[data-busy]"))
  form.addEventListener("submit", () => {
    const button = form.querySelector("button");
    button.textContent = form.dataset.busy;
    button.disabled = true;
  });

for (const place of document.querySelectorAll("[data-plots]"))
  fetch(place.dataset.plots)
    .then((reply) => reply.text())
    .then((drawn) => {
      place.innerHTML = drawn; // drawn by the session's own server
      if (!place.children.length) place.closest("section").remove();
    });

const live = document.getElementById("live");
if (live) {
  const table = live.querySelector("table");
  setInterval(async () => {
    if (document.hidden) return;
    let state;
    try {
      state = await (await fetch(live.dataset.from)).json();
    } catch {
      return; // the session has ended
    }
    if (!state || String(state.round) !== live.dataset.round) return location.reload();
    table.replaceChildren(...state.lines.map(([what, value]) => {
      const row = document.createElement("tr");
      const name = document.createElement("th");
      const cell = document.createElement("td");
      name.scope = "row";
      name.textContent = what;
      cell.textContent = value;
      row.append(name, cell);
      return row;
    }));
  }, 3000);
}

"use strict";
const place = document.getElementById("labelling");
let sent = false;

async function send(said) {
  if (sent) return;
  sent = true;
  const { to, queue, round, name, by } = place.dataset;
  let fault;
  try {
    const reply = await fetch(to, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ queue, round, name, by, ...said }),
    });
    if (reply.ok) return location.reload();
    fault = (await reply.json()).fault;
  } catch {
    fault = "the session has ended: nothing was written";
  }
  sent = false;
  const line = document.getElementById("fault");
  line.textContent = fault;
  line.hidden = false;
}

function vote(choice) {
  const { a, b, first } = place.dataset;
  if (!a) return;
  const second = first === "a" ? "b" : "a";
  const verdict = { left: first, right: second }[choice] || choice;
  send({ a, b, verdict, note: document.getElementById("note").value });
}

const KEYS = { 1: "left", 2: "right", 3: "tie", 4: "both_bad", s: "skip" };

if (place) {
  for (const button of place.querySelectorAll("[data-vote]"))
    button.addEventListener("click", () => vote(button.dataset.vote));
  for (const button of place.querySelectorAll("[data-undo]"))
    button.addEventListener("click", () => send({ undo: true }));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target)) {
      if (event.key === "Escape" || (event.key === "Enter" && event.target.id === "note"))
        event.target.blur();
      return;
    }
    if (KEYS[event.key]) vote(KEYS[event.key]);
    else if (event.key === "z" && place.querySelector("[data-undo]")) send({ undo: true });
    else if (event.key === "n") document.getElementById("note")?.focus();
    else return;
    event.preventDefault();
  });
}

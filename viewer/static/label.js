"use strict";
const KEYS = { 1: "left", 2: "right", 3: "tie", 4: "both_bad", s: "skip" };
let busy = false;
let undoNext = false;

const at = (id) => document.getElementById(id);

async function send(said) {
  const { to, queue, round, name, by } = at("labelling").dataset;
  busy = true;
  at("labelling").classList.add("busy");
  let fault;
  try {
    const reply = await fetch(to, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ queue, round, name, by, ...said }),
    });
    const answer = await reply.json();
    if (reply.ok) {
      await next();
      if (answer.note && at("note")) at("note").value = answer.note; // of the vote taken back
    } else fault = answer.fault;
  } catch {
    fault = "the session has ended; what was voted last may not be written";
  }
  busy = false;
  at("labelling").classList.remove("busy");
  if (fault) {
    at("fault").textContent = fault;
    at("fault").hidden = false;
  }
  if (undoNext) undo();
}

async function next() {
  const text = await (await fetch(location.href)).text();
  const page = new DOMParser().parseFromString(text, "text/html");
  at("content").replaceWith(page.getElementById("content"));
}

function vote(choice) {
  const { a, b, first } = at("labelling").dataset;
  if (!a || busy) return; // a key for what is not yet shown is no vote
  const second = first === "a" ? "b" : "a";
  const verdict = { left: first, right: second }[choice] || choice;
  send({ a, b, verdict, note: at("note").value });
}

function undo() {
  undoNext = busy;
  const button = document.querySelector("[data-undo]");
  if (!busy && button) send({ undo: button.dataset.undo });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-vote], [data-undo]");
  if (!button) return;
  if (button.dataset.vote) vote(button.dataset.vote);
  else undo();
});

document.addEventListener("keydown", (event) => {
  if (!at("labelling") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target)) {
    if (event.key === "Escape" || (event.key === "Enter" && event.target.id === "note"))
      event.target.blur();
    return;
  }
  if (KEYS[event.key]) vote(KEYS[event.key]);
  else if (event.key === "z") undo();
  else if (event.key === "n") at("note")?.focus();
  else return;
  event.preventDefault();
});

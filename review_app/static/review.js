// The review loop: the next photo is shown in the same frame as the key; the answer waits in an outbox that
// survives the tab until the server has it.

import { Keys } from "./keys.js";
import { Lens } from "./lens.js";
import { Outbox } from "./outbox.js";

const $ = (id) => document.getElementById(id);
const desk = document.querySelector(".desk");
const form = $("decision");
const AS = `as=${encodeURIComponent(desk.dataset.user)}`;  // A page speaks for who opened it, whoever signed in since.
const UNDO_MS = desk.dataset.undo * 1000;
const [AHEAD, AT_ONCE, BEHIND] = [6, 2, 20];
const ahead = [];
const behind = [];
const answered = new Set();
let [current, refilling, again, dry, lastRenewal] = [null, false, false, false, 0];

// Photos: a card of facts and its decoded picture

const photo = (card) => {
  const img = new Image();
  img.src = card.dataset.photo;
  img.alt = `Photo ${card.dataset.name}`;
  img.draggable = false;
  let tries = 0;
  img.onerror = () => setTimeout(() => { if (!img.naturalWidth && having().includes(card.dataset.id)) img.src = card.dataset.photo; }, Math.min(15000, 500 * 2 ** tries++));
  img.decode().catch(() => {});
  return { card, img, id: card.dataset.id, name: card.dataset.name, until: card.dataset.until };
};

const show = (next) => {
  current = next ?? null;
  desk.classList.toggle("is-empty", !current);
  $("lens").replaceChildren(...(current ? [current.img] : []));
  $("facts").replaceChildren(...(current ? [current.card] : []));
  form.elements.comment.value = current?.comment ?? "";
  if (current) $("original").href = current.card.dataset.original;
  if (lens.zoom > 1) closer();
};

const closer = () => {  // Who looks closer sees the uploaded bytes.
  if (!current || current.img.dataset.original) return;
  const [shown, original] = [current, new Image()];
  shown.img.dataset.original = "asked for";
  original.src = shown.card.dataset.original;
  original.decode().then(() => { shown.img.src = original.src; }).catch(() => {});
};

const advance = () => { show(ahead.shift()); refill(); };

const mine = () => [current, ...ahead].filter(Boolean);
const having = () => mine().map((one) => one.id);

const refill = async () => {
  if (refilling) again = true;  // What is on its way may be older than the reason to ask.
  if (refilling || document.hidden || ahead.length > AHEAD - AT_ONCE || dry) return;
  [refilling, again] = [true, false];
  try {
    const have = [...having(), ...outbox.ids];
    const wanted = AHEAD - ahead.length;
    const answer = await fetch(`/review/next?${AS}&order=${desk.dataset.order}&wanted=${wanted}&have=${have.join()}`);
    if (!answer.ok) throw new Error(answer.status);
    const fetched = document.createElement("template");
    fetched.innerHTML = await answer.text();
    const seen = new Set([...having(), ...answered]);
    const cards = [...fetched.content.children].filter((card) => !seen.has(card.dataset.id));
    dry = cards.length === 0 && outbox.ids.length === 0;  // Until the server tells of free ones.
    ahead.push(...cards.map(photo));
    if (!current && ahead.length) show(ahead.shift());
  } catch { setTimeout(refill, 2000); } finally { refilling = false; }
  if (again) { dry = false; refill(); }
};

// Answers

const settled = () => {
  later(700);
  dry = false;
  refill();
};

const refused = (op, problem) => {
  tell(problem || "The server refused this.", op.id, true);
  if (current?.id === op.id) advance();
  const at = ahead.findIndex((one) => one.id === op.id);
  if (at >= 0) ahead.splice(at, 1);
  settled();
};

const answer = (action, words, fields = {}, bad = false) => {
  if (!current) return false;
  const op = { id: current.id, name: current.name, action, form: { comment: form.elements.comment.value, ...fields } };
  current.comment = op.form.comment;
  behind.push({ op, shown: current });
  if (behind.length > BEHIND) behind.shift();
  answered.add(op.id);
  setTimeout(() => answered.delete(op.id), 60000);
  outbox.put(op);
  dry = false;
  advance();
  tell(words(op.name), "", bad);
  return true;
};

const decide = (verdict, name = "") => {
  if (current && !current.img.naturalWidth) return tell("This photo is not here yet and is asked for again; meanwhile it can be skipped or held.", "", true);
  const said = verdict === "ok" ? "OK" : name ? `Defect (${name})` : "Defect";
  const fields = { verdict, defect_class: name, decision_id: crypto.randomUUID() };
  if (answer("decide", (photo) => `${said}: ${photo}.`, fields)) countdown();
};

const undo = () => {
  const at = behind.findLastIndex((one) => one.op.action === "decide");
  if (at < 0) return tell("There is nothing to undo here; the list below shows your last decisions.");
  const [{ op, shown }] = behind.splice(at, 1);
  const unsent = outbox.ops.some((one) => one.form.decision_id === op.form.decision_id);
  if (!unsent && performance.now() - shown.decided > UNDO_MS) return tell(`Too late to undo ${op.name}: it is on its way. Correct it in its history.`, op.id, true);
  if (!outbox.withdraw(op.form.decision_id)) outbox.put({ id: op.id, name: op.name, action: "undo", form: { decision_id: op.form.decision_id } });
  answered.delete(op.id);
  if (current) ahead.unshift(current);
  show(shown);
  stopCountdown();
  tell(`Undone: ${op.name} is before you again.`);
};

// What is told: the last thing done, the time to undo it, what waits here, how far the last ones got

const tell = (text, id = "", bad = false) => {
  $("status").textContent = text;
  $("status").classList.toggle("problem", bad);
  if (!id) return;
  const link = Object.assign(document.createElement("a"), { href: `/inspections/${id}`, textContent: "Open it", target: "_blank", rel: "noopener" });
  $("status").append(" ", link);
};

const kept = (count, failing, signedOut) => {
  $("kept").hidden = !count || !failing;
  $("kept").textContent = signedOut ? `You are signed out; ${count} kept here. Sign in again in another tab, and they are sent.` : `Offline: ${count} kept here, retrying…`;
};

let clock = 0;
const stopCountdown = () => { clearInterval(clock); $("undo-now").hidden = true; };
const countdown = () => {
  stopCountdown();
  const last = behind.at(-1);
  if (!UNDO_MS || !last) return;
  last.shown.decided = performance.now();
  $("undo-now").hidden = false;
  const tick = () => {
    const left = UNDO_MS - (performance.now() - last.shown.decided);
    $("undo-time").value = left / 1000;
    if (left <= 0) { stopCountdown(); later(1500); later(6000); }
  };
  tick();
  clock = setInterval(tick, 200);
};

const planned = new Set();
const later = (ms) => {  // The strip is asked for after something happened, never by the clock alone.
  if (planned.has(ms)) return;
  planned.add(ms);
  setTimeout(async () => {
    planned.delete(ms);
    try {
      const answer = await fetch(`/review/strip?${AS}`);
      if (answer.ok) $("strip").innerHTML = await answer.text();
    } catch { /* it is only a look */ }
  }, ms);
};

// Leases: renewed while somebody looks, freed when the page goes

const renew = async () => {
  const asked = mine();
  if (document.hidden || !asked.length) return;
  lastRenewal = performance.now();
  try {
    const ids = asked.map((one) => one.id);
    const answer = await fetch(`/review/renew?${AS}`, { method: "POST", body: new URLSearchParams({ ids }) });
    if (!answer.ok) return;
    const kept = await answer.json();
    const lost = asked.filter((one) => !(one.until = kept[one.id]));
    for (let at = ahead.length - 1; at >= 0; at -= 1) if (lost.includes(ahead[at])) ahead.splice(at, 1);
    if (lost.includes(current)) {
      const { name } = current;
      advance();
      tell(`${name} went to another reviewer meanwhile; here is the next one.`, "", true);
    }
  } catch { /* the lease lasts for minutes */ }
};

const free = () => {
  const waiting = outbox.ids;
  const left = mine().filter((one) => one.until && !waiting.includes(one.id));
  const leases = left.map((one) => `${one.id} ${one.until}`);
  if (leases.length) navigator.sendBeacon(`/review/free?${AS}`, new URLSearchParams({ leases }));
};

const listen = () => {
  const events = new EventSource(`/review/events?${AS}`);
  events.onmessage = ({ data }) => {
    const told = JSON.parse(data);
    $("counts").innerHTML = told.counts;
    $("empty").innerHTML = told.empty;
    if (told.free > 0) dry = false;
    refill();
    if (outbox.failures) outbox.again();
  };
  events.onerror = () => { if (events.readyState === EventSource.CLOSED) setTimeout(listen, 3000); };
};

const outbox = new Outbox(desk.dataset.user, AS, { changed: (...state) => kept(...state), done: settled, refused });

// What keys and buttons do

const hold = () => {
  if (form.elements.comment.value.trim()) return answer("hold", (photo) => `Held: ${photo} waits for whoever puts it back.`);
  form.elements.comment.focus();
  return tell("Say in the comment why it is held, press Enter, then hold it.", "", true);
};

const acts = {
  ok: () => decide("ok"),
  defect: () => decide("defect"),
  class: (number) => { const name = form.querySelectorAll("[name=defect_class]")[number - 1]?.value; if (name) decide("defect", name); },
  skip: () => answer("skip", (photo) => `Skipped: ${photo}; others are shown it.`),
  undo, hold,
  comment: () => form.elements.comment.focus(),
  help: () => $("help").showModal(),
};

const lens = new Lens($("view"), $("lens"), closer);

const act = (action, ...details) => {
  if (action === "pan") return lens.move(...details[0]);
  const repeated = details.at(-1) === true;
  if (action in acts) { if (!repeated) acts[action](...details); } else if (!lens.do(action)) return false;
  if (performance.now() - lastRenewal > 30000) renew();
  return true;
};

form.addEventListener("submit", (e) => {
  e.preventDefault();
  const { name, value } = e.submitter ?? {};
  if (name === "verdict") act(value);
  else if (name === "defect_class") decide("defect", value);
});
document.addEventListener("click", (e) => {
  const button = e.target.closest("[data-do]");
  if (button) { e.preventDefault(); act(button.dataset.do); }
});

document.documentElement.classList.add("js");
new Keys(act);
const first = document.querySelector("#facts > article");
for (const id of outbox.ids) answered.add(id);
show(first && !answered.has(first.dataset.id) ? photo(first) : null);
outbox.send();
requestAnimationFrame(() => requestAnimationFrame(() => { refill(); listen(); }));  // The page first shows itself.
setInterval(renew, 60000);
document.addEventListener("visibilitychange", () => renew().then(refill));
addEventListener("pagehide", free);
addEventListener("pageshow", (e) => { if (e.persisted) renew(); });

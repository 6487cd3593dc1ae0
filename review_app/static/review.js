// The review page: a key shows the next photo in the same frame; the outbox delivers the decision.

import { Keys } from "./keys.js";
import { Lens } from "./lens.js";
import { Outbox } from "./outbox.js";

const $ = (id) => document.getElementById(id);
const main = document.querySelector(".review");
const form = $("decision");
// A page acts for the user who opened it, even if another user signs in at the same browser.
const USER_QUERY = `as=${encodeURIComponent(main.dataset.user)}`;
const UNDO_MS = main.dataset.undo * 1000;
const LOOKAHEAD = 6;
const REFILL_STEP = 2;
const MAX_UNDO = 20;
const MAX_IMAGE_BACKOFF_MS = 15000;
const ANSWERED_MS = 60000;
const RETRY_MS = 1000;
const RENEW_MS = 60000;
const RENEW_AFTER_KEY_MS = 30000;
const MIN_SHOWN_MS = 150;
const DOUBLE_CLICK_MS = 350;

const upcoming = [];
const submitted = [];
const answeredIds = new Set();
const undoneIds = new Set();
let current = null;
let isRefilling = false;
let mustRefillAgain = false;
let isQueueEmpty = false;
let availableCount = 0;
let renewedAt = 0;

// Photos: a card with its decoded image

const retryImage = (photo) => {
  const isNeeded = () => !photo.img.naturalWidth && photoIds().includes(photo.id);
  const delay = Math.min(MAX_IMAGE_BACKOFF_MS, 500 * 2 ** photo.failures);
  photo.failures += 1;
  setTimeout(() => {
    if (isNeeded()) photo.img.src = photo.card.dataset.photo;
  }, delay);
};

// A photo can be decided after it was on the screen for a moment.
const awaitDecidable = (photo) => {
  photo.isDecidable = false;
  const allow = () => {
    photo.isDecidable = current === photo;
    main.classList.toggle("is-decidable", Boolean(current?.isDecidable));
  };
  const onLoad = () => requestAnimationFrame(() => setTimeout(allow, MIN_SHOWN_MS));
  if (photo.img.naturalWidth) onLoad();
  else photo.img.addEventListener("load", onLoad, { once: true });
};

const commentKey = (photo) => `partcheck.comment.${main.dataset.user}.${photo.id}`;

const createPhoto = (card) => {
  const { id, name, until } = card.dataset;
  const img = new Image();
  const photo = { card, img, id, name, until, failures: 0 };
  img.src = card.dataset.photo;
  img.alt = `Photo ${name}`;
  img.draggable = false;
  img.onerror = () => retryImage(photo);
  img.decode().catch(() => {});
  return photo;
};

const show = (photo) => {
  current = photo ?? null;
  main.classList.remove("is-decidable");
  main.classList.toggle("is-empty", !current);
  $("lens").replaceChildren(...(current ? [current.img] : []));
  $("facts").replaceChildren(...(current ? [current.card] : []));
  form.elements.comment.value = current ? (current.comment ?? sessionStorage.getItem(commentKey(current)) ?? "") : "";
  if (current) {
    awaitDecidable(current);
    $("original").href = current.card.dataset.original;
  }
  if (lens.zoom > 1) showOriginal();
};

// A zoomed photo shows the uploaded bytes instead of the display copy.
const showOriginal = () => {
  if (!current || current.img.dataset.original) return;
  const shown = current;
  const original = new Image();
  shown.img.dataset.original = "requested";
  original.src = shown.card.dataset.original;
  const replace = () => {
    shown.img.src = original.src;
  };
  original.decode().then(replace).catch(() => {});
};

const advance = () => {
  show(upcoming.shift());
  refill();
};

const ownPhotos = () => [current, ...upcoming].filter(Boolean);
const photoIds = () => ownPhotos().map((photo) => photo.id);

const fetchCards = async () => {
  const have = [...photoIds(), ...outbox.ids].join();
  const count = LOOKAHEAD - upcoming.length;
  const order = main.dataset.order;
  const response = await fetch(`/review/next?${USER_QUERY}&order=${order}&count=${count}&have=${have}`);
  if (!response.ok) throw new Error(response.status);
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  const knownIds = new Set([...photoIds(), ...answeredIds]);
  return [...template.content.children].filter((card) => !knownIds.has(card.dataset.id));
};

const refill = async () => {
  if (isRefilling) mustRefillAgain = true; // The pending response may be older than the reason for this call.
  if (isRefilling || document.hidden || upcoming.length > LOOKAHEAD - REFILL_STEP || isQueueEmpty) return;
  isRefilling = true;
  mustRefillAgain = false;
  try {
    const cards = await fetchCards();
    const isEmpty = cards.length === 0 && outbox.ids.length === 0;
    isQueueEmpty = isEmpty && availableCount === 0; // Until an event says otherwise.
    if (isEmpty && !isQueueEmpty && !current) setTimeout(refill, RETRY_MS); // Another worker counted the photo.
    upcoming.push(...cards.map(createPhoto));
    if (!current && upcoming.length) show(upcoming.shift());
  } catch {
    setTimeout(refill, 2000);
  } finally {
    isRefilling = false;
  }
  if (mustRefillAgain) {
    isQueueEmpty = false;
    refill();
  }
};

// Answers

const isAnswered = (id) => outbox.ids.includes(id) || submitted.some(({ request }) => request.id === id);

const onAccepted = (request, response = {}) => {
  const isKnown = photoIds().includes(request.id) || isAnswered(request.id);
  if (response.card && !isKnown) showCard(response.card);
  refreshStripIn(700);
  isQueueEmpty = false;
  refill();
};

// Show the photo of an answer that was undone after a reload.
const showCard = (html) => {
  const template = document.createElement("template");
  template.innerHTML = html;
  const photo = createPhoto(template.content.firstElementChild);
  answeredIds.delete(photo.id);
  showAgain(photo);
};

const showAgain = (photo) => {
  if (current) upcoming.unshift(current);
  show(photo);
  stopCountdown();
  showStatus(`Undone: ${photo.name} is shown again.`);
};

// A request that does not count cannot be undone.
const forget = (decisionId) => {
  const index = submitted.findIndex(({ request }) => request.form.decision_id === decisionId);
  if (index >= 0) submitted.splice(index, 1);
  nameUndo();
};

const onRefused = (request, message, dropped) => {
  const isAnswerDropped = dropped.some(({ action }) => action !== "undo");
  const consequence = isAnswerDropped ? ". Your next answer to this photo does not count." : "";
  showStatus((message || "The server refused the request") + consequence, request.id, true);
  for (const { form: { decision_id: id } } of [request, ...dropped]) forget(id);
  if (current?.id === request.id) advance();
  const index = upcoming.findIndex((photo) => photo.id === request.id);
  if (index >= 0) upcoming.splice(index, 1);
  onAccepted(request);
};

const submit = (action, label, describe, fields = {}) => {
  if (!current) return;
  const { id, name } = current;
  const answer = { comment: form.elements.comment.value, decision_id: crypto.randomUUID(), ...fields };
  const request = { id, name, action, label, form: answer };
  current.comment = answer.comment;
  sessionStorage.removeItem(commentKey(current));
  current.answeredAt = performance.now();
  submitted.push({ request, photo: current });
  if (submitted.length > MAX_UNDO) submitted.shift();
  answeredIds.add(id);
  setTimeout(() => answeredIds.delete(id), ANSWERED_MS);
  outbox.add(request);
  isQueueEmpty = false;
  advance();
  showStatus(describe(name));
  startCountdown(action);
};

const decide = (verdict, defectClass = "") => {
  if (current && !current.img.naturalWidth) {
    showStatus("The photo is not loaded yet; loading is retried. You can skip or hold it.", "", true);
    return;
  }
  if (current && !current.isDecidable) {
    showStatus(`Not decided: ${current.name} was not on the screen long enough.`);
    return;
  }
  const defect = defectClass ? `Defect (${defectClass})` : "Defect";
  const label = verdict === "ok" ? "OK" : defect;
  submit("decide", label, (name) => `${label}: ${name}.`, { verdict, defect_class: defectClass });
};

// The requests that can be undone, the last one first; after a reload, the outbox and the list know them.
const undoable = () => {
  const listed = [...$("strip").querySelectorAll("li:has(form)")].map(({ dataset }) => ({
    id: dataset.id,
    name: dataset.name,
    action: "decide",
    label: dataset.label,
    form: { decision_id: dataset.decision },
  }));
  const own = submitted.map((item) => item.request).reverse();
  const unsent = outbox.requests.filter((request) => request.action !== "undo").reverse();
  const isOpen = (request) => !undoneIds.has(request.form.decision_id);
  return [...own, ...unsent, ...listed].filter(isOpen);
};

const undo = (decisionId) => {
  const requests = undoable();
  const request = decisionId ? requests.find((item) => item.form.decision_id === decisionId) : requests[0];
  if (!request) {
    showStatus("Nothing to undo here. Your last decisions are listed below.");
    return;
  }
  const { id, name, action } = request;
  const answerId = request.form.decision_id;
  const index = submitted.findIndex((item) => item.request.form.decision_id === answerId);
  const photo = index < 0 ? null : submitted.splice(index, 1)[0].photo;
  const isUnsent = outbox.requests.some((item) => item.form.decision_id === answerId);
  undoneIds.add(answerId);
  if (photo && action === "decide" && !isUnsent && performance.now() - photo.answeredAt > UNDO_MS) {
    showStatus(`Too late to undo ${name}: the decision is final. Override it on its page.`, id, true);
    nameUndo();
    return;
  }
  const wasWithdrawn = photo && outbox.withdraw(answerId);
  if (!wasWithdrawn) outbox.add({ id, name, action: "undo", form: { decision_id: answerId, undone: action } });
  answeredIds.delete(id);
  if (photo) showAgain(photo);
  else showStatus(`Undoing ${request.label}: ${name}…`);
  nameUndo();
};

const hold = () => {
  if (form.elements.comment.value.trim()) {
    submit("hold", "Hold", (name) => `On hold: ${name}.`);
    return;
  }
  form.elements.comment.focus();
  showStatus("Enter the reason as a comment, press Enter, then hold the photo.", "", true);
};

// Status: the last action, the time left to undo it, unsent requests, recent decisions

const showStatus = (text, id = "", isProblem = false) => {
  $("status").textContent = text;
  $("status").classList.toggle("problem", isProblem);
  if (!id) return;
  const link = document.createElement("a");
  Object.assign(link, { href: `/inspections/${id}`, textContent: "Open it", target: "_blank", rel: "noopener" });
  $("status").append(" ", link);
};

const showUnsent = (count, isFailing, isSignedOut) => {
  $("unsent").hidden = !count || !isFailing;
  $("unsent").textContent = isSignedOut
    ? `You are signed out; ${count} unsent. Sign in again in another tab to send them.`
    : `Offline: ${count} unsent, retrying…`;
};

let countdownTimer = 0;

const stopCountdown = () => {
  clearInterval(countdownTimer);
  $("undo-now").hidden = true;
};

// The buttons name the action that they undo.
const nameUndo = () => {
  const last = undoable()[0];
  for (const name of document.querySelectorAll("[data-undo-name]")) {
    name.textContent = last ? `Undo ${last.label}` : "Undo";
    name.closest("button").title = last?.name ?? "";
  }
};

const startCountdown = (action) => {
  stopCountdown();
  nameUndo();
  const { photo } = submitted.at(-1);
  $("undo-time").hidden = action !== "decide";
  $("undo-now").hidden = action === "decide" && !UNDO_MS;
  if (action !== "decide" || !UNDO_MS) return;
  const tick = () => {
    const left = UNDO_MS - (performance.now() - photo.answeredAt);
    $("undo-time").value = left / 1000;
    if (left > 0) return;
    stopCountdown();
    refreshStripIn(1500);
    refreshStripIn(6000);
  };
  tick();
  countdownTimer = setInterval(tick, 200);
};

const refreshStrip = async () => {
  try {
    const response = await fetch(`/review/strip?${USER_QUERY}`);
    if (response.ok) $("strip").innerHTML = await response.text();
    nameUndo();
  } catch {
    // The next refresh shows the decisions.
  }
};

// The list is requested after an action only, never periodically.
const pendingDelays = new Set();

const refreshStripIn = (delay) => {
  if (pendingDelays.has(delay)) return;
  pendingDelays.add(delay);
  setTimeout(() => {
    pendingDelays.delete(delay);
    refreshStrip();
  }, delay);
};

// Leases: renewed while the page is visible, ended when it closes

const dropPhotos = (lost) => {
  for (let index = upcoming.length - 1; index >= 0; index -= 1) {
    if (lost.includes(upcoming[index])) upcoming.splice(index, 1);
  }
  if (!lost.includes(current)) return;
  const { name } = current;
  advance();
  showStatus(`${name} went to another reviewer. This is the next photo.`, "", true);
};

const renew = async () => {
  const unsentIds = outbox.ids;
  const photos = ownPhotos().filter((photo) => !unsentIds.includes(photo.id));
  if (document.hidden || !photos.length) return;
  renewedAt = performance.now();
  try {
    const body = new URLSearchParams({ ids: photos.map((photo) => photo.id) });
    const response = await fetch(`/review/renew?${USER_QUERY}`, { method: "POST", body });
    if (!response.ok) return;
    const renewed = await response.json();
    for (const photo of photos) photo.until = renewed[photo.id];
    const answered = new Set([...unsentIds, ...outbox.ids]);
    dropPhotos(photos.filter((photo) => !photo.until && !answered.has(photo.id)));
  } catch {
    // The lease lasts for minutes, and the next renewal is due before its end.
  }
};

const endLeases = () => {
  const unsentIds = outbox.ids;
  const photos = ownPhotos().filter((photo) => photo.until && !unsentIds.includes(photo.id));
  const leases = photos.map((photo) => `${photo.id} ${photo.until}`);
  if (leases.length) navigator.sendBeacon(`/review/free?${USER_QUERY}`, new URLSearchParams({ leases }));
};

const connect = () => {
  const events = new EventSource(`/review/events?${USER_QUERY}`);
  events.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    $("counts").innerHTML = message.counts;
    $("empty").innerHTML = message.empty;
    availableCount = message.available;
    if (availableCount > 0) isQueueEmpty = false;
    refill();
    if (outbox.failures) outbox.retryNow();
  };
  events.onerror = () => {
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  };
};

const outbox = new Outbox(main.dataset.user, USER_QUERY, { onChange: showUnsent, onAccepted, onRefused });
const lens = new Lens($("view"), $("lens"), showOriginal);

// Actions of keys and buttons

const decideClass = (number) => {
  const button = form.querySelectorAll("[name=defect_class]")[number - 1];
  if (button) decide("defect", button.value);
};

const actions = {
  ok: () => decide("ok"),
  defect: () => decide("defect"),
  class: decideClass,
  skip: () => submit("skip", "Skip", (name) => `Skipped: ${name}. Other reviewers get it.`),
  undo: () => undo(),
  hold,
  comment: () => form.elements.comment.focus(),
  help: () => $("help").showModal(),
};

const perform = (action, ...details) => {
  if (action === "pan") return lens.pan(...details[0]);
  const isRepeat = details.at(-1) === true;
  if (action in actions) {
    if (!isRepeat) actions[action](...details);
  } else if (!lens.perform(action)) {
    return false;
  }
  if (performance.now() - renewedAt > RENEW_AFTER_KEY_MS) renew();
  return true;
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { name, value } = event.submitter ?? {};
  if (name === "verdict") perform(value);
  else if (name === "defect_class") decide("defect", value);
});
// The second click of a double click was meant for the photo before. Clicks by a key have the detail 0.
let lastClick = { at: -Infinity, action: "" };

const isSecondClick = (event, action) => {
  if (!event.detail || !(action in actions)) return false;
  const isSoon = event.timeStamp - lastClick.at < DOUBLE_CLICK_MS;
  const isSecond = event.detail === 2 || (isSoon && (action !== "undo" || lastClick.action === "undo"));
  lastClick = { at: event.timeStamp, action };
  return isSecond;
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do], #decision [type=submit], #strip button");
  const action = button?.dataset.do ?? (button?.closest("#strip") ? "undo" : button?.value && "ok");
  if (action && isSecondClick(event, action)) {
    event.preventDefault();
    event.stopPropagation();
  }
}, true);
$("strip").addEventListener("submit", (event) => {
  event.preventDefault();
  undo(event.target.elements.decision_id.value);
});
form.elements.comment.addEventListener("input", (event) => {
  if (!current) return;
  current.comment = event.target.value;
  sessionStorage.setItem(commentKey(current), current.comment);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  event.preventDefault();
  perform(button.dataset.do);
});

document.documentElement.classList.add("js");
new Keys(perform);
const firstCard = document.querySelector("#facts > article");
for (const id of outbox.ids) answeredIds.add(id);
show(firstCard && !answeredIds.has(firstCard.dataset.id) ? createPhoto(firstCard) : null);
outbox.send();
nameUndo();
// The first paint comes before further requests.
requestAnimationFrame(() => {
  requestAnimationFrame(() => {
    refill();
    connect();
  });
});
setInterval(renew, RENEW_MS);
document.addEventListener("visibilitychange", () => renew().then(refill));
addEventListener("pagehide", endLeases);
addEventListener("pageshow", (event) => {
  if (event.persisted) renew();
});

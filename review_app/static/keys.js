// Single-key shortcuts. Users can change or disable them; the choice is stored in the browser.

const DEFAULT_KEYS = {
  ok: "a",
  defect: "d",
  skip: "s",
  undo: "z",
  comment: "c",
  hold: "h",
  help: "?",
  zoomIn: "+",
  zoomOut: "-",
  fit: "0",
  brightness: "b",
  contrast: "x",
  invert: "i",
};
const PAN_KEYS = { arrowleft: [60, 0], arrowright: [-60, 0], arrowup: [0, 60], arrowdown: [0, -60] };
const STORAGE_KEY = "partcheck.keys";

// The Latin letter or digit of a key whose character has no meaning: other alphabets, digits of AZERTY.
const physicalKey = (event) => {
  const [, letter, digit] = /^(?:Key([A-Z])|Digit([0-9]))$/.exec(event.code) ?? [];
  if (event.getModifierState("AltGraph")) return "";
  if (digit) return event.shiftKey ? "" : digit;
  return /^[a-z]$/i.test(event.key) ? "" : (letter ?? "").toLowerCase();
};

const keyName = (key) => (key === " " ? "Space" : key.toUpperCase());

const load = () => {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? {};
  } catch {
    return {};
  }
};

export class Keys {
  constructor(perform) {
    const stored = load();
    this.perform = perform;
    this.on = stored.on ?? true;
    this.keys = { ...DEFAULT_KEYS, ...stored.keys };
    const checkbox = document.getElementById("keys-on");
    checkbox.checked = this.on;
    checkbox.addEventListener("change", () => {
      this.on = checkbox.checked;
      this.save();
    });
    const list = document.getElementById("key-list");
    list.addEventListener("input", (event) => {
      if (!event.isComposing) this.change(event.target);
    });
    list.addEventListener("focusout", (event) => this.restore(event.target));
    document.getElementById("keys-reset").addEventListener("click", () => {
      this.keys = { ...DEFAULT_KEYS };
      this.save();
    });
    document.addEventListener("keydown", (event) => this.press(event));
    this.show();
  }

  press(event) {
    const { target } = event;
    if (event.isComposing || event.keyCode === 229) return; // The key belongs to an input method.
    const isTyping = target.closest("input:not([type=checkbox]), textarea, select, dialog");
    if (isTyping && target.name === "comment" && ["Escape", "Enter"].includes(event.key)) {
      event.preventDefault();
      target.blur();
    }
    if (!isTyping && event.repeat && ["Enter", " "].includes(event.key)) event.preventDefault();
    if (isTyping || !this.on || event.ctrlKey || event.metaKey || event.altKey) return;
    const { repeat } = event;
    if (this.performKey(event.key.toLowerCase(), repeat) || this.performKey(physicalKey(event), repeat)) {
      event.preventDefault();
    }
  }

  performKey(key, isRepeat) {
    if (PAN_KEYS[key]) return this.perform("pan", PAN_KEYS[key]);
    const action = Object.keys(this.keys).find((name) => this.keys[name] === key);
    if (action) return this.perform(action, isRepeat);
    return /^[1-9]$/.test(key) && this.perform("class", Number(key), isRepeat);
  }

  change(field) {
    const key = field.value.toLowerCase();
    const reason = key && this.refusal(field.name, key);
    const message = reason ? `${keyName(key)} ${reason}. ${this.unchanged(field)}` : "";
    document.getElementById("key-clash").textContent = message;
    if (!key || reason) return;
    this.keys[field.name] = key;
    this.save();
  }

  refusal(action, key) {
    if (key === " ") return "presses the focused button";
    if (/^[1-9]$/.test(key)) return "is taken: it chooses a defect class";
    const other = Object.keys(this.keys).find((name) => name !== action && this.keys[name] === key);
    return other && `is taken: it is the key of “${this.title(other)}”`;
  }

  // A field that was left empty or with a refused key shows its key again.
  restore(field) {
    if (!this.keys[field.name] || field.value.toLowerCase() === this.keys[field.name]) return;
    if (!field.value) document.getElementById("key-clash").textContent = this.unchanged(field);
    field.value = this.keys[field.name];
  }

  unchanged(field) {
    return `The key of “${this.title(field.name)}” is still ${keyName(this.keys[field.name])}.`;
  }

  title(action) {
    return document.querySelector(`#key-list [name=${action}]`).closest("label").innerText.trim();
  }

  save() {
    localStorage.setItem(STORAGE_KEY, JSON.stringify({ on: this.on, keys: this.keys }));
    this.show();
  }

  show() {
    for (const [name, key] of Object.entries(this.keys)) {
      const field = document.querySelector(`#key-list [name=${name}]`);
      if (field && field !== document.activeElement) field.value = key;
      for (const label of document.querySelectorAll(`[data-key=${name}]`)) label.textContent = key.toUpperCase();
    }
  }
}

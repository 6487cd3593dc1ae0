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
    document.getElementById("key-list").addEventListener("input", (event) => this.change(event.target));
    document.getElementById("keys-reset").addEventListener("click", () => {
      this.keys = { ...DEFAULT_KEYS };
      this.save();
    });
    document.addEventListener("keydown", (event) => this.press(event));
    this.show();
  }

  press(event) {
    const { target } = event;
    const isTyping = target.closest("input:not([type=checkbox]), textarea, select, dialog");
    if (isTyping && target.name === "comment" && ["Escape", "Enter"].includes(event.key)) {
      event.preventDefault();
      target.blur();
    }
    if (isTyping || !this.on || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.performKey(event.key.toLowerCase(), event.repeat)) event.preventDefault();
  }

  performKey(key, isRepeat) {
    if (PAN_KEYS[key]) return this.perform("pan", PAN_KEYS[key]);
    const action = Object.keys(this.keys).find((name) => this.keys[name] === key);
    if (action) return this.perform(action, isRepeat);
    return /^[1-9]$/.test(key) && this.perform("class", Number(key), isRepeat);
  }

  change(field) {
    const key = field.value.toLowerCase();
    const clash = Object.keys(this.keys).find((name) => name !== field.name && this.keys[name] === key);
    const isInvalid = !key.trim() || /^[1-9]$/.test(key) || clash;
    const message = key && isInvalid ? `“${key}” is taken; the key was not changed.` : "";
    document.getElementById("key-clash").textContent = message;
    if (isInvalid) return;
    this.keys[field.name] = key;
    this.save();
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

// Zoom, pan, brightness, contrast and inversion of the photo. The settings stay for the next photo.

const LEVELS = { brightness: [100, 130, 170, 220, 70], contrast: [100, 140, 190, 250, 70] };
const MAX_ZOOM = 12;
const STORAGE_KEY = "partcheck.lens";

const load = () => {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? {};
  } catch {
    return {};
  }
};

const clamp = (value, limit) => Math.max(-limit, Math.min(limit, value));

export class Lens {
  constructor(view, lens, onZoom) {
    const defaults = { zoom: 1, x: 0, y: 0, brightness: 0, contrast: 0, invert: false };
    Object.assign(this, { view, lens, onZoom }, defaults, load());
    const onWheel = (event) => {
      event.preventDefault();
      this.zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2, event);
    };
    view.addEventListener("wheel", onWheel, { passive: false });
    this.pointers = new Map();
    view.addEventListener("pointerdown", (event) => {
      view.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event);
    });
    view.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      view.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
    view.addEventListener("dblclick", () => (this.zoom > 1 ? this.fit() : this.zoomBy(3)));
    this.apply();
  }

  // One pointer pans the zoomed photo; two pointers pinch it.
  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const other = [...this.pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
    this.pointers.set(event.pointerId, event);
    if (other) {
      const distance = (pointer) => Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY);
      const centre = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
      this.zoomBy(distance(event) / Math.max(1, distance(before)), centre);
    }
    const share = other ? 0.5 : 1;
    this.pan((event.clientX - before.clientX) * share, (event.clientY - before.clientY) * share);
  }

  perform(action) {
    if (action === "zoomIn") this.zoomBy(1.5);
    else if (action === "zoomOut") this.zoomBy(1 / 1.5);
    else if (action === "fit") this.fit();
    else if (action === "invert") this.invert = !this.invert;
    else if (action in LEVELS) this[action] = (this[action] + 1) % LEVELS[action].length;
    else return false;
    this.apply();
    return true;
  }

  // Zoom around the pointer, if there is one.
  zoomBy(factor, pointer) {
    const zoom = Math.min(MAX_ZOOM, Math.max(1, this.zoom * factor));
    if (pointer) {
      const box = this.view.getBoundingClientRect();
      const dx = pointer.clientX - box.x - box.width / 2;
      const dy = pointer.clientY - box.y - box.height / 2;
      this.x = dx - ((dx - this.x) * zoom) / this.zoom;
      this.y = dy - ((dy - this.y) * zoom) / this.zoom;
    }
    this.zoom = zoom;
    this.apply();
  }

  fit() {
    Object.assign(this, { zoom: 1, x: 0, y: 0 });
    this.apply();
  }

  pan(dx, dy) {
    if (this.zoom === 1) return false;
    this.x += dx;
    this.y += dy;
    this.apply();
    return true;
  }

  apply() {
    const { width, height } = this.view.getBoundingClientRect();
    this.x = clamp(this.x, (width * (this.zoom - 1)) / 2);
    this.y = clamp(this.y, (height * (this.zoom - 1)) / 2);
    const brightness = LEVELS.brightness[this.brightness];
    const contrast = LEVELS.contrast[this.contrast];
    const isPlain = brightness === 100 && contrast === 100 && !this.invert;
    const filter = `brightness(${brightness}%) contrast(${contrast}%)${this.invert ? " invert(1)" : ""}`;
    const { zoom, x, y, invert } = this;
    this.view.classList.toggle("is-zoomed", zoom > 1);
    this.lens.style.transform = zoom === 1 ? "" : `translate(${x}px, ${y}px) scale(${zoom})`;
    this.lens.style.filter = isPlain ? "" : filter;
    this.show("zoom", `${Math.round(zoom * 100)} %`);
    this.show("brightness", brightness === 100 ? "" : `${brightness} %`);
    this.show("contrast", contrast === 100 ? "" : `${contrast} %`);
    document.querySelector("[data-do=invert]").setAttribute("aria-pressed", invert);
    const settings = { zoom, x, y, invert, brightness: this.brightness, contrast: this.contrast };
    localStorage.setItem(STORAGE_KEY, JSON.stringify(settings));
    if (zoom > 1) this.onZoom();
  }

  show(id, text) {
    document.getElementById(id).textContent = text;
  }
}

// Elements of the page, made by calls and never from text: what comes from the plant can be shown, and never acts.
//
// No style attribute is ever set (the content security policy forbids it): looks are classes, sizes are SVG attributes.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== "" && child !== false),
  );
  return element;
}

/** An HTML element; `on: {click: act}` listens, true and false set or leave an attribute, children may be nested. */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** An SVG element, else as `el`. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** Set the text of a node only where it differs, so that an unchanged value costs no layout. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Set or remove an attribute only where it differs. */
export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== String(value)) {
    node.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Give a node one class of a set, `""` for none. */
export function setClass(node, all, wanted) {
  for (const name of all) node.classList.toggle(name, name === wanted);
}

/** What ends together: subscriptions and timers of a screen, a faceplate or a dialog. */
export class Scope {
  #ends = [];
  ended = false;

  /** Call `end` when this scope ends; at once where it has ended. */
  add(end) {
    if (this.ended) end();
    else this.#ends.push(end);
  }

  /** A scope that ends with this one, or earlier. */
  child() {
    const scope = new Scope();
    this.add(() => scope.end());
    return scope;
  }

  /** Repeat `act` each `period_ms` until the end. */
  every(period_ms, act) {
    const timer = setInterval(act, period_ms);
    this.add(() => clearInterval(timer));
  }

  /** Listen on `target` until the end. */
  listen(target, event, act, options) {
    target.addEventListener(event, act, options);
    this.add(() => target.removeEventListener(event, act, options));
  }

  end() {
    if (this.ended) return;
    this.ended = true;
    for (const end of this.#ends.reverse()) end();
    this.#ends = [];
  }
}

// Numbers as people read them.
const digits = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 2 });
const finePercent = new Intl.NumberFormat("en", { style: "percent", maximumSignificantDigits: 2 });

export function shown(value, kind) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (typeof value === "string") return value;
  if (kind === "count") return whole.format(value);
  if (kind === "share") return Math.abs(value) < 0.01 && value !== 0 ? finePercent.format(value) : percent.format(value);
  if (Math.abs(value) >= 10000) return whole.format(value);
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential(1);
  return digits.format(value);
}

export const withUnit = (value, kind, unit) => (unit ? `${shown(value, kind)} ${unit}` : shown(value, kind));

export const clock = (seconds) => (seconds < 1000 ? seconds.toFixed(2) : whole.format(seconds));

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (typeof value === "boolean") made.toggleAttribute(key, value);
    else if (value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

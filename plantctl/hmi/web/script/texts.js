// Every sentence that the page says comes from here, by name, so that another language is another catalogue.

import { ENGLISH } from "./texts_en.js";

const CATALOGUES = { en: ENGLISH };
const texts = CATALOGUES[document.documentElement.lang] ?? ENGLISH;

/** The text of a name with its {places} filled; a name without a text shows itself, so that it is found. */
export function t(name, places = {}) {
  const text = texts[name];
  if (text === undefined) return name;
  return text.replace(/\{(\w+)\}/g, (whole, place) => (place in places ? String(places[place]) : whole));
}

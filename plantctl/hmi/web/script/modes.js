// The modes of a loop and their words; numbers as everywhere in plantctl (interfaces: mode numbers).

import { t } from "./texts.js";

export const MODES = ["oos", "iman", "trk", "man", "auto", "cas", "rcas", "rout"];
export const MAN = 3;

/** `AUTO`; dashes for a number that is no mode. */
export function modeWord(number) {
  return MODES[Math.round(number)]?.toUpperCase() ?? t("value.none");
}

/** What a mode means for the person at the screen. */
export function modeMeaning(number) {
  const word = MODES[Math.round(number)];
  return word ? t(`mode.${word}`) : "";
}

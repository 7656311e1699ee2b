// Who handles which frame. A handler says whether it brought the region to the frame's version by itself.

const traitements = new Map();

/**
 * Register a handler of a frame type: `(trame, element) => true` when the live region now equals a fresh one,
 * `false` when the region needs its fragment. Several handlers of one type must all succeed.
 */
export function register(type, traitement) {
  if (!traitements.has(type)) traitements.set(type, []);
  traitements.get(type).push(traitement);
}

const esquisses = new Map();

/** Register a sketch: what a frame shows at once while the region waits for its fragment, which will have the last word. */
export function registerEsquisse(type, esquisse) {
  esquisses.set(type, esquisse);
}

/** Show what can be shown of a frame that the region does not count yet. */
export function esquisser(trame, element) {
  esquisses.get(trame.type)?.(trame, element);
}

const minutes = (iso) => Date.parse(iso) / 60000;

/** False when the frame cannot change anything that the region shows: another day, another guichet, an excluded type. */
export function concerne(trame, element) {
  const { du, au, guichets, sans } = element.dataset;
  if ("avis" in element.dataset) return trame.avis === true; // the notices of an agent: nothing else changes them
  if (sans && sans.split(" ").includes(trame.type)) return false;
  if (!/^(rdv|option)\./.test(trame.type)) return true;
  if (trame.rdv !== undefined && element.querySelector(`[data-rdv="${CSS.escape(trame.rdv)}"]`)) return true;
  const montre = ({ guichet, debut, fin }) => {
    if (guichets && guichet != null && !guichets.split(" ").includes(String(guichet))) return false;
    return !(du && au && debut && fin) || (minutes(debut) < Number(au) && minutes(fin) > Number(du));
  };
  return montre(trame) || (trame.avant !== undefined && montre(trame.avant)); // a move is seen from where it left too
}

/** True when the region now stands at the frame's version without its fragment. */
export function appliquer(trame, element) {
  if (!concerne(trame, element)) return true;
  if ("avis" in element.dataset) return false; // the frame never says which notices
  const siens = traitements.get(trame.type);
  return siens !== undefined && siens.every((traiter) => traiter(trame, element) === true);
}

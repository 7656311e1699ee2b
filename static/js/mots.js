// The sentences of the scripts in the language of the page: the French one is the key. The table is in the page when it is
// not in French; what has no translation is said in French.

const table = JSON.parse(document.getElementById("mots")?.textContent ?? "{}");

/** `phrase` in the page's language, its {trous} filled in. */
export function mot(phrase, trous = {}) {
  return (table[phrase] ?? phrase).replace(/\{(\w+)\}/g, (tout, nom) => trous[nom] ?? tout);
}

/** One of two sentences by their number: French says « 0 place », English « 0 places ». */
export function nombre(n, un, plusieurs) {
  const seul = document.documentElement.lang === "fr" ? n < 2 : n === 1;
  return mot(seul ? un : plusieurs, { n });
}

// The place chosen, in words, above the agent's form: it follows the fields. The focus waits where typing begins.

const champ = (nom) => document.getElementById(`champ-${nom}`);
const recap = () => document.querySelector("[data-recap]");

function ecrire() {
  const jour = champ("jour")?.value;
  const date = jour && new Intl.DateTimeFormat("fr-FR", {
    timeZone: "UTC", weekday: "long", day: "numeric", month: "long", year: "numeric",
  }).format(new Date(`${jour}T12:00:00Z`)).replace(/(^|\s)1 /, "$11er ");
  const heure = champ("du")?.value;
  const liste = champ("guichet");
  const guichet = liste?.value ? liste.selectedOptions[0].textContent.replace(/ \(fermé\)$/, "") : "";
  const quand = date ? date + (heure ? ` à ${heure}` : "") : "";
  recap().textContent = [quand, guichet].filter(Boolean).join(", ");
  recap().hidden = !recap().textContent;
}

document.addEventListener("input", (e) => {
  if (recap() && ["guichet", "jour", "du"].includes(e.target.name)) ecrire();
});

const visible = (e) => {
  const { top, bottom } = e.getBoundingClientRect();
  return bottom > 0 && top >= 0 && bottom <= innerHeight;
};

/** Who comes is asked first; where that field is lower than the window, the first one still empty. The place stays in sight. */
export function commencer() {
  const qui = champ("numero_fiscal") ?? champ("siren");
  const vide = ["guichet", "jour", "du", "motif", "precision"].map(champ).find((e) => e && !e.value);
  const cible = qui && !visible(qui) ? vide ?? qui : qui;
  cible?.focus({ preventScroll: true });
  cible?.scrollIntoView({ block: "nearest" });
}

// A refusal, or what was found, has the focus already.
if (recap() && document.activeElement === document.body) commencer();

// The place chosen, in words, above the agent's form: it follows the fields. The focus waits where typing begins.

const recap = document.querySelector("[data-recap]");
const champ = (nom) => document.getElementById(`champ-${nom}`);

function ecrire() {
  const jour = champ("jour")?.value;
  const date = jour && new Intl.DateTimeFormat("fr-FR", {
    timeZone: "UTC", weekday: "long", day: "numeric", month: "long", year: "numeric",
  }).format(new Date(`${jour}T12:00:00Z`)).replace(/(^|\s)1 /, "$11er ");
  const heure = champ("du")?.value;
  const liste = champ("guichet");
  const guichet = liste?.value ? liste.selectedOptions[0].textContent.replace(/ \(fermé\)$/, "") : "";
  const quand = date ? date + (heure ? ` à ${heure}` : "") : "";
  recap.textContent = [quand, guichet].filter(Boolean).join(", ");
  recap.hidden = !recap.textContent;
}

if (recap) for (const nom of ["guichet", "jour", "du"]) champ(nom)?.addEventListener("input", ecrire);

const visible = (e) => {
  const { top, bottom } = e.getBoundingClientRect();
  return bottom > 0 && top >= 0 && bottom <= innerHeight;
};

/** Who comes is asked first; where that field is lower than the window, the first one still empty. The place stays in sight. */
function commencer() {
  if (document.activeElement !== document.body) return; // a refusal, or what was found, has it already
  const qui = champ("numero_fiscal") ?? champ("siren");
  const vide = ["guichet", "jour", "du", "motif", "precision"].map(champ).find((e) => e && !e.value);
  const cible = qui && !visible(qui) ? vide ?? qui : qui;
  cible?.focus({ preventScroll: true });
  cible?.scrollIntoView({ block: "nearest" });
}

if (recap) commencer();

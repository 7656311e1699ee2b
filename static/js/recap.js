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

/** Who comes is asked first, right after the place, which stays in sight. */
export function commencer() {
  const qui = champ("numero_fiscal") ?? champ("siren");
  qui?.focus({ preventScroll: true });
  qui?.scrollIntoView({ block: "nearest" });
}

// A refusal, or what was found, has the focus already.
if (recap() && document.activeElement === document.body) commencer();

// The place chosen, in words, above the agent's form: it follows the fields.

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

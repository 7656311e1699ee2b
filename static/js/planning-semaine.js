// A week to paint, by pointer and by keyboard, laid over the plain fields of each day: they stay what is sent, and what
// works without this script. Space paints or erases half an hour, Shift + arrows extend, Enter applies the brush to the day.

const PAS = 30;
const NOMS = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
const form = document.querySelector("form[data-planning]");
const annonce = form?.querySelector("[data-annonce]");
const hm = (m) => `${String(Math.floor(m / 60)).padStart(2, "0")}:${String(m % 60).padStart(2, "0")}`;

/** Plages of a field, as [debut, fin] minutes; null when it holds something that only the server can judge. */
export function lirePlages(texte) {
  const plages = [];
  const reste = texte.replace(/(\d{1,2})\s?[hH:]?\s?(\d{2})?\s*(?:-|–|—|à|a)\s*(\d{1,2})\s?[hH:]?\s?(\d{2})?/g, (_, a, b, c, d) => {
    plages.push([Number(a) * 60 + Number(b ?? 0), Number(c) * 60 + Number(d ?? 0)]);
    return "";
  });
  const juste = plages.every(([du, au]) => du < au && au <= 1440);
  return /[^\s,;/et]/.test(reste) || !juste ? null : plages.sort((x, y) => x[0] - y[0]);
}

export const ecrirePlages = (plages) => plages.map(([du, au]) => `${hm(du)}-${hm(au)}`).join(", ");

/** The same minutes with [du, au) opened or closed. */
export function peindre(plages, du, au, ouvrir) {
  const restes = plages.flatMap(([a, b]) => [[a, Math.min(b, du)], [Math.max(a, au), b]].filter(([x, y]) => x < y));
  if (!ouvrir) return restes;
  const fusion = [];
  for (const [a, b] of [...restes, [du, au]].sort((x, y) => x[0] - y[0])) {
    const dernier = fusion.at(-1);
    if (dernier && a <= dernier[1]) dernier[1] = Math.max(dernier[1], b);
    else fusion.push([a, b]);
  }
  return fusion;
}

/** One day: its select, its hours, and the column that shows them. */
class Jour {
  constructor(element) {
    this.iso = Number(element.dataset.jour);
    this.choix = element.querySelector("select");
    this.heures = element.querySelector("input");
    this.cases = [];
  }

  get plages() {
    if (!["", "heures"].includes(this.choix.value)) return journees.get(this.choix.value) ?? lirePlages(this.heures.value) ?? [];
    return lirePlages(this.heures.value) ?? [];
  }

  /** Hours painted: the journée type that has just these is taken for them. */
  ecrire(plages) {
    const texte = ecrirePlages(plages);
    const [id] = [...journees].find(([, p]) => ecrirePlages(p) === texte && texte) ?? [texte ? "heures" : ""];
    this.heures.value = texte;
    this.choix.value = id;
    this.montrer();
  }

  choisir(id) {
    this.choix.value = id;
    this.heures.value = ecrirePlages(journees.get(id) ?? []);
    this.montrer();
  }

  ouvert(minute) {
    return this.plages.some(([du, au]) => du < minute + PAS && minute < au);
  }

  montrer() {
    const plages = this.plages;
    for (const td of this.cases) {
      const m = Number(td.dataset.minute);
      td.setAttribute("aria-selected", String(plages.some(([du, au]) => du < m + PAS && m < au)));
    }
  }
}

const journees = new Map();
let pinceau = "";

function dire(jour) {
  if (annonce) annonce.textContent = `${NOMS[jour.iso - 1]} : ${ecrirePlages(jour.plages).replaceAll("-", " à ") || "fermé"}`;
}

/** The brushes: by hand, or a journée type for whole days. */
function poserPinceaux() {
  const cote = form.querySelector("[data-pinceaux]");
  const liste = cote.querySelector("[data-pinceaux-liste]");
  const choix = [["", "Heures à la main"]];
  for (const li of liste.querySelectorAll("[data-journee]")) {
    journees.set(li.dataset.journee, lirePlages(li.dataset.plages) ?? []);
    choix.push([li.dataset.journee, li.textContent]);
  }
  liste.replaceChildren(...choix.map(([id, nom], rang) => {
    const li = document.createElement("li");
    const input = Object.assign(document.createElement("input"), { type: "radio", id: `pinceau-${rang}`, checked: !rang, value: id });
    input.name = "pinceau";
    input.setAttribute("form", "sans-formulaire"); // a brush is not sent
    input.addEventListener("change", () => { pinceau = id; });
    const label = Object.assign(document.createElement("label"), { htmlFor: input.id, textContent: nom });
    li.append(input, label);
    return li;
  }));
  cote.hidden = false;
}

class Peinture {
  constructor(fieldset) {
    this.jours = [...fieldset.querySelectorAll("[data-jour]")].map((e) => new Jour(e));
    const bornes = this.jours.flatMap((j) => j.plages.flat());
    this.debut = Math.min(420, ...bornes.map((m) => Math.floor(m / 60) * 60));
    this.fin = Math.max(1140, ...bornes.map((m) => Math.ceil(m / 60) * 60));
    this.trait = null;
    const champs = fieldset.querySelector(".semaine__jours");
    champs.before(this.dessiner(fieldset.dataset.titre));
    this.replier(champs);
    for (const jour of this.jours) {
      jour.montrer();
      jour.choix.addEventListener("change", () => {
        if (jour.choix.value === "heures") jour.montrer();
        else jour.choisir(jour.choix.value);
      });
      jour.heures.addEventListener("input", () => {
        jour.choix.value = jour.heures.value.trim() ? "heures" : "";
        jour.montrer();
      });
    }
  }

  /** The plain fields stay at hand below, open when one of them is refused. */
  replier(champs) {
    const plis = document.createElement("details");
    const mot = Object.assign(document.createElement("summary"), { textContent: "Jour par jour, en choisissant ou en écrivant les heures" });
    mot.className = "semaine__resume";
    plis.open = champs.querySelector("[aria-invalid]") !== null;
    champs.before(plis);
    plis.append(mot, champs);
  }

  dessiner(titre) {
    const cadre = document.createElement("div");
    cadre.className = "peinture";
    const aide = document.createElement("p");
    aide.className = "peinture__aide";
    aide.id = `aide-peinture-${titre.replace(/\W+/g, "")}`;
    aide.textContent = "Peignez en glissant, ou au clavier : flèches pour se déplacer, Espace pour ouvrir ou fermer, "
      + "Maj + flèches pour étendre, Entrée pour appliquer le pinceau à la journée.";
    const table = document.createElement("table");
    table.setAttribute("role", "grid");
    table.setAttribute("aria-label", `${titre} à peindre`);
    table.setAttribute("aria-multiselectable", "true");
    table.setAttribute("aria-describedby", aide.id);
    const tete = table.createTHead().insertRow();
    tete.append(document.createElement("td"));
    for (const jour of this.jours) {
      const th = document.createElement("th");
      th.scope = "col";
      th.dataset.colonne = jour.iso;
      th.textContent = NOMS[jour.iso - 1].slice(0, 3);
      th.title = `Appliquer le pinceau au ${NOMS[jour.iso - 1]}`;
      th.addEventListener("click", () => this.appliquer(jour));
      tete.append(th);
    }
    const corps = table.createTBody();
    for (let m = this.debut; m < this.fin; m += PAS) {
      const rang = corps.insertRow();
      const th = document.createElement("th");
      th.scope = "row";
      th.append(m % 60 ? Object.assign(document.createElement("span"), { className: "fr-sr-only", textContent: hm(m) }) : hm(m));
      rang.append(th);
      for (const jour of this.jours) {
        const td = rang.insertCell();
        td.dataset.minute = m;
        td.tabIndex = -1;
        td.setAttribute("role", "gridcell");
        td.setAttribute("aria-label", `${NOMS[jour.iso - 1]} ${hm(m)}`);
        jour.cases.push(td);
      }
    }
    this.jours[0].cases[0].tabIndex = 0;
    this.table = table;
    table.addEventListener("keydown", (e) => this.touche(e));
    table.addEventListener("pointerdown", (e) => this.commencer(e));
    table.addEventListener("pointermove", (e) => this.continuer(e));
    for (const fin of ["pointerup", "pointercancel"]) addEventListener(fin, () => this.finir());
    cadre.append(aide, table);
    return cadre;
  }

  trouver(td) {
    const jour = this.jours.find((j) => j.cases.includes(td));
    return jour ? { jour, rang: jour.cases.indexOf(td), minute: Number(td.dataset.minute) } : null;
  }

  viser(jour, rang) {
    const td = jour?.cases[rang];
    if (!td) return;
    this.table.querySelector('td[tabindex="0"]')?.setAttribute("tabindex", "-1");
    td.tabIndex = 0;
    td.focus();
  }

  ouvrir(jour, minute, ouvrir) {
    jour.ecrire(peindre(jour.plages, minute, minute + PAS, ouvrir));
  }

  appliquer(jour) {
    if (pinceau) jour.choisir(pinceau);
    else jour.ecrire([]);
    dire(jour);
  }

  touche(e) {
    const vise = this.trouver(e.target);
    if (!vise || e.ctrlKey || e.altKey || e.metaKey) return;
    const { jour, rang, minute } = vise;
    const pas = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[e.key];
    if (pas) {
      const suivant = this.jours[this.jours.indexOf(jour) + pas[0]];
      const ouvert = jour.ouvert(minute);
      this.viser(suivant, rang + pas[1]);
      const atteint = this.trouver(document.activeElement);
      if (e.shiftKey && atteint) {
        this.ouvrir(atteint.jour, atteint.minute, ouvert);
        dire(atteint.jour);
      }
    } else if (e.key === "Home" || e.key === "End") {
      this.viser(jour, e.key === "Home" ? 0 : jour.cases.length - 1);
    } else if (e.key === " ") {
      this.ouvrir(jour, minute, !jour.ouvert(minute));
      dire(jour);
    } else if (e.key === "Enter") {
      this.appliquer(jour);
    } else {
      return;
    }
    e.preventDefault();
  }

  commencer(e) {
    const vise = e.target instanceof HTMLTableCellElement ? this.trouver(e.target) : null;
    if (!vise || e.button) return;
    e.preventDefault();
    if (pinceau) {
      this.appliquer(vise.jour);
      this.trait = { journee: true };
    } else {
      this.trait = { ouvrir: !vise.jour.ouvert(vise.minute), depart: vise, avant: this.jours.map((j) => j.plages) };
      this.tracer(vise);
    }
    this.viser(vise.jour, vise.rang);
  }

  continuer(e) {
    if (!this.trait) return;
    const td = document.elementFromPoint(e.clientX, e.clientY);
    const vise = td instanceof HTMLTableCellElement ? this.trouver(td) : null;
    if (!vise) return;
    if (this.trait.journee) this.appliquer(vise.jour);
    else this.tracer(vise);
  }

  /** The rectangle from where the pointer went down; what it no longer covers is as it was. */
  tracer(vise) {
    const { depart, ouvrir, avant } = this.trait;
    const [j1, j2] = [this.jours.indexOf(depart.jour), this.jours.indexOf(vise.jour)].sort((a, b) => a - b);
    const [m1, m2] = [depart.minute, vise.minute].sort((a, b) => a - b);
    this.jours.forEach((jour, rang) => {
      const dedans = rang >= j1 && rang <= j2;
      if (dedans) jour.ecrire(peindre(avant[rang], m1, m2 + PAS, ouvrir));
      else if (ecrirePlages(jour.plages) !== ecrirePlages(avant[rang])) jour.ecrire(avant[rang]);
    });
  }

  finir() {
    if (this.trait?.depart) dire(this.trait.depart.jour);
    this.trait = null;
  }
}

if (form?.querySelector("[data-semaine]")) {
  poserPinceaux();
  for (const fieldset of form.querySelectorAll("[data-semaine]")) new Peinture(fieldset);
  const cycle = form.querySelector("[data-cycle]");
  if (cycle) {
    form.elements.cycle.addEventListener("change", () => form.requestSubmit(cycle));
    cycle.classList.add("fr-sr-only");
    cycle.tabIndex = -1;
  }
}

// A field that proposes communes: the combobox with a list of the ARIA Authoring Practices. What is typed is never changed
// before somebody chooses; Escape closes, arrows walk, Enter takes the one that is marked, else sends the form.

import { annoncer } from "./annonces.js";

const ATTENTE_MS = 120;
let numero = 0;
/** Field → what makes it a combobox again, after a fragment was laid over it. */
const branches = new WeakMap();

export function brancherCommunes(champ) {
  const saisie = champ.querySelector("input");
  if (!saisie) return;
  if (branches.has(saisie)) {
    branches.get(saisie)(champ);
    return;
  }
  const liste = document.createElement("ul");
  liste.className = "suggestions";
  liste.id = `suggestions-${++numero}`;
  liste.setAttribute("role", "listbox");
  liste.setAttribute("aria-label", saisie.labels[0].firstChild.textContent.trim());
  liste.hidden = true;
  const poser = (dans) => {
    dans.append(liste);
    for (const [nom, valeur] of Object.entries({
      role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": liste.id,
    })) saisie.setAttribute(nom, valeur);
  };
  branches.set(saisie, poser);
  poser(champ);

  let enVol = null;
  let minuterie = 0;
  let marquee = -1;
  const options = () => [...liste.children];

  function fermer() {
    liste.hidden = true;
    liste.replaceChildren();
    marquer(-1);
    saisie.setAttribute("aria-expanded", "false");
  }

  function marquer(rang) {
    marquee = rang;
    options().forEach((option, i) => option.setAttribute("aria-selected", String(i === rang)));
    const option = options()[rang];
    if (option) {
      saisie.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else saisie.removeAttribute("aria-activedescendant");
  }

  function oublier() {
    saisie.form.querySelector('input[name="insee"]')?.remove();
  }

  function prendre(option) {
    oublier();
    const cache = Object.assign(document.createElement("input"), { type: "hidden", name: "insee", value: option.dataset.insee });
    saisie.value = option.dataset.nom;
    saisie.form.append(cache);
    fermer();
  }

  function montrer(communes) {
    liste.replaceChildren(...communes.map((commune, i) => {
      const option = document.createElement("li");
      option.className = "suggestion";
      option.id = `${liste.id}-${i}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.insee = commune.insee;
      option.dataset.nom = commune.nom;
      const detail = document.createElement("span");
      detail.textContent = commune.detail;
      option.append(commune.nom, " ", detail);
      return option;
    }));
    marquer(-1);
    liste.hidden = communes.length === 0;
    saisie.setAttribute("aria-expanded", String(communes.length > 0));
    const { aucune, une, plusieurs } = champ.dataset;
    annoncer(communes.length === 0 ? aucune : communes.length === 1 ? une : plusieurs.replace("{n}", communes.length));
  }

  async function chercher() {
    enVol?.abort();
    const tape = saisie.value.trim();
    if (tape.length < 2) return fermer();
    enVol = new AbortController();
    try {
      const reponse = await fetch(`${champ.dataset.communes}?q=${encodeURIComponent(tape)}`, { signal: enVol.signal });
      if (reponse.ok && document.activeElement === saisie) montrer((await reponse.json()).communes);
    } catch (cause) {
      // Without suggestions the button still searches.
      if (cause.name !== "AbortError") console.error(cause);
    }
  }

  saisie.addEventListener("input", () => {
    oublier();
    clearTimeout(minuterie);
    minuterie = setTimeout(chercher, ATTENTE_MS);
  });
  saisie.addEventListener("keydown", (e) => {
    const n = options().length;
    if (e.key === "ArrowDown" && liste.hidden) { e.preventDefault(); chercher(); }
    else if (e.key === "ArrowDown" && n) { e.preventDefault(); marquer((marquee + 1) % n); }
    else if (e.key === "ArrowUp" && n) { e.preventDefault(); marquer((marquee <= 0 ? n : marquee) - 1); }
    else if (e.key === "Enter" && marquee >= 0) { e.preventDefault(); prendre(options()[marquee]); }
    else if (e.key === "Escape" && !liste.hidden) { e.preventDefault(); fermer(); }
    else if (e.key === "Tab") fermer();
  });
  saisie.addEventListener("blur", () => {
    clearTimeout(minuterie);
    enVol?.abort();
    fermer();
  });
  // The mouse must not take the focus away before its click is heard.
  liste.addEventListener("mousedown", (e) => e.preventDefault());
  liste.addEventListener("click", (e) => {
    const option = e.target.closest('[role="option"]');
    if (option) prendre(option);
  });
}

// The tree of motifs of a guichet: found by a word, ticked by branch, counted. Without this script, each box ticks alone.

const plier = (texte) => texte.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

for (const arbre of document.querySelectorAll("[data-arbre]")) {
  const cases = [...arbre.querySelectorAll('input[type="checkbox"]')];
  const recherche = arbre.querySelector(".arbre__recherche");
  const champ = recherche?.querySelector("input");
  const compte = recherche?.querySelector(".arbre__compte");
  if (!champ) continue;

  const dire = () => {
    const visibles = cases.filter((c) => !c.closest("[hidden]")).length;
    const coches = cases.filter((c) => c.checked).length;
    const trouves = champ.value.trim() ? `${visibles} trouvé${visibles > 1 ? "s" : ""}, ` : "";
    compte.textContent = `${trouves}${coches} coché${coches > 1 ? "s" : ""} sur ${cases.length}`;
  };

  /** A motif is shown when its own words match, those of a heading above it, or of one below. */
  const filtrer = () => {
    const mots = plier(champ.value).split(/\s+/).filter(Boolean);
    const convient = (texte) => mots.every((mot) => plier(texte).includes(mot));
    const montrer = (element, herite) => {
      const ici = herite || convient(element.dataset.texte);
      const dessous = [...element.querySelectorAll(":scope > ul > li")].map((e) => montrer(e, ici)).some(Boolean);
      element.hidden = !(ici || dessous);
      return !element.hidden;
    };
    for (const element of arbre.querySelectorAll(":scope > ul > li")) montrer(element, false);
    dire();
  };

  const cocher = (groupe, valeur) => {
    for (const c of groupe.querySelectorAll('input[type="checkbox"]')) if (!c.closest("[hidden]")) c.checked = valeur;
    dire();
  };

  recherche.hidden = false;
  for (const outils of arbre.querySelectorAll("[data-tout]")) {
    const groupe = outils.closest("[data-groupe]");
    outils.hidden = false;
    outils.querySelector("[data-cocher]").addEventListener("click", () => cocher(groupe, true));
    outils.querySelector("[data-decocher]").addEventListener("click", () => cocher(groupe, false));
  }
  champ.addEventListener("input", filtrer);
  // Enter in a search field must not save the guichet.
  champ.addEventListener("keydown", (e) => { if (e.key === "Enter") e.preventDefault(); });
  arbre.addEventListener("change", dire);
  dire();
}

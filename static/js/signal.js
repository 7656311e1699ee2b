// The box hears and sees an arrival: a short sound that can be muted for good, the number of people waiting in the title,
// and the browser's notification when it was asked for. A notification names nobody: it may show on a locked screen.

const MEMOIRE = "accueil:son";
let contexte = null;

function memoire(valeur) {
  try {
    if (valeur === undefined) return localStorage.getItem(MEMOIRE);
    localStorage.setItem(MEMOIRE, valeur);
  } catch {
    // Nothing is kept: the choice lasts as long as the page.
  }
  return valeur;
}

let son = memoire() !== "non";

/** Two soft rising notes, made here: no file to load. */
export function sonner() {
  if (!son) return;
  try {
    contexte ??= new AudioContext();
    contexte.resume();
    const t = contexte.currentTime;
    for (const [frequence, quand] of [[660, 0], [880, 0.16]]) {
      const onde = contexte.createOscillator();
      const volume = contexte.createGain();
      onde.frequency.value = frequence;
      volume.gain.setValueAtTime(0.0001, t + quand);
      volume.gain.exponentialRampToValueAtTime(0.25, t + quand + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, t + quand + 0.3);
      onde.connect(volume).connect(contexte.destination);
      onde.start(t + quand);
      onde.stop(t + quand + 0.32);
    }
    document.documentElement.dataset.sonne = String(Number(document.documentElement.dataset.sonne ?? 0) + 1);
  } catch {
    // No audio output on this machine: the title and the page still say it.
  }
}

const titreSeul = document.title;
const boite = () => document.querySelector("[data-titre]");
const enAttente = () => new Set([...(boite()?.querySelectorAll('[data-rdv][data-etat="arrive"]') ?? [])].map((e) => e.dataset.rdv));
let connus = enAttente();

function titrer() {
  document.title = connus.size ? `(${connus.size}) ${titreSeul}` : titreSeul;
}

function notifier(nombre) {
  if (!("Notification" in window) || Notification.permission !== "granted" || !document.hidden) return;
  const texte = nombre > 1 ? `${nombre} personnes attendent.` : "Une personne attend.";
  new Notification(boite().dataset.titre, { body: texte, tag: "accueil-attente" });
}

function preparerSon(bouton) {
  const peindre = () => {
    bouton.setAttribute("aria-pressed", String(son));
    bouton.classList.toggle("fr-icon-volume-up-fill", son);
    bouton.classList.toggle("fr-icon-volume-mute-fill", !son);
    bouton.textContent = son ? "Son des arrivées : activé" : "Son des arrivées : coupé";
  };
  bouton.hidden = false;
  peindre();
  bouton.addEventListener("click", () => {
    son = !son;
    memoire(son ? "oui" : "non");
    peindre();
    sonner();
  });
}

function preparerNotifications(bouton) {
  if (!("Notification" in window) || Notification.permission !== "default") return;
  bouton.hidden = false;
  bouton.addEventListener("click", async () => {
    await Notification.requestPermission();
    bouton.hidden = Notification.permission !== "default";
  });
}

if (boite()) {
  titrer();
  for (const b of document.querySelectorAll("[data-son]")) preparerSon(b);
  for (const b of document.querySelectorAll("[data-notifier]")) preparerNotifications(b);
  // Browsers let a page sound only after a gesture: the first one wakes the audio.
  addEventListener("pointerdown", () => contexte?.resume(), { once: true });
  document.addEventListener("flux:change", () => {
    const presents = enAttente();
    const nouveaux = [...presents].filter((id) => !connus.has(id));
    connus = presents;
    titrer();
    if (nouveaux.length) {
      sonner();
      notifier(presents.size);
    }
  });
}

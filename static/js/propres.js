// What this very page has just asked for: its own changes neither flash nor are announced as somebody else's, and their
// refresh does not wait.

const VIE = 10_000;
const attendus = new Map();
let derniere = -Infinity;

const cle = (type, rdv) => `${type}:${rdv}`;

/** Remember that this page asked for `type` on a RDV. */
export function marquerPropre(type, rdv) {
  derniere = performance.now();
  if (type && rdv) attendus.set(cle(type, rdv), performance.now() + VIE);
}

/** Forget it: the action was refused or lost. */
export function oublierPropre(type, rdv) {
  attendus.delete(cle(type, rdv));
}

/** True when the frame answers an action of this page. */
export function estPropre(trame) {
  return (attendus.get(cle(trame.type, trame.rdv)) ?? 0) > performance.now();
}

/** True during the two seconds that follow an action of this page. */
export const actionRecente = () => performance.now() - derniere < 2000;

import { aboutOpen } from '../panes/about.tsx';
import { goToApproval } from './desk.ts';
import { go, tab } from './route.ts';
import { waitingProposal } from './state.ts';

/** The keyboard map. While something is typed or a dialog is open, keys are its own. */
export function listenToKeys(): () => void {
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = event.target as HTMLElement;
  if (target.matches('input, textarea, select') || target.closest('dialog')) return;
  const action = ACTIONS[event.key];
  if (action?.(target)) event.preventDefault();
}

/** Each tells whether it did something. */
const ACTIONS: Readonly<Record<string, (target: HTMLElement) => boolean>> = {
  '/': () => {
    tab.value = 'channel';
    // At once where it is in sight: what is typed before the next frame must not be lost, or taken for other keys.
    if (!toCommandLine()) requestAnimationFrame(toCommandLine);
    return true;
  },
  j: () => move(1),
  k: () => move(-1),
  Enter: (target) => {
    const id = target.dataset['incident'];
    if (!target.matches('[data-message]') || !id) return false;
    go(`/incident/${id}`);
    requestAnimationFrame(() => document.getElementById('thread')?.focus());
    return true;
  },
  a: () => {
    const proposal = waitingProposal.value;
    if (proposal) goToApproval(proposal);
    return proposal !== undefined;
  },
  Escape: () => {
    tab.value = 'channel';
    return move(0);
  },
  '?': () => {
    aboutOpen.value = true;
    return true;
  },
};

/** False while the command line is not in sight. */
function toCommandLine(): boolean {
  const input = document.querySelector<HTMLInputElement>('#command');
  if (!input?.checkVisibility()) return false;
  input.focus();
  input.select();
  return true;
}

function move(by: number): boolean {
  const messages = [...document.querySelectorAll<HTMLElement>('[data-message]')];
  const at = messages.findIndex((one) => one.contains(document.activeElement));
  const next = at === -1 ? messages.length - 1 : Math.min(messages.length - 1, Math.max(0, at + by));
  tab.value = 'channel';
  messages[next]?.focus();
  messages[next]?.scrollIntoView({ block: 'nearest' });
  return messages.length > 0;
}

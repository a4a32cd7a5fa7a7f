import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { post } from '../live/api.ts';
import { me } from '../live/state.ts';
import { setTheme, THEMES, theme } from '../live/theme.ts';

export const aboutOpen = signal(false);

const KEYS = [
  ['/', 'the command line'],
  ['j  k', 'next and previous message'],
  ['Enter', 'opens the thread of the message'],
  ['a', 'goes to what waits for an approver, without pressing'],
  ['Esc', 'back to the channel'],
  ['?', 'this list'],
] as const;

/** All keys, the theme, who one is and the way out. */
export function About() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = aboutOpen.value;
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  const leave = async () => {
    await post('/api/signout', {}).catch(() => undefined);
    me.value = null;
  };
  return (
    <dialog ref={dialog} aria-labelledby="about-title" onClose={() => (aboutOpen.value = false)}>
      {open && (
        <>
          <h2 id="about-title">Keys</h2>
          <dl class="keys">
            {KEYS.map(([key, what]) => (
              <div key={key}>
                <dt>
                  {key.split('  ').map((one) => (
                    <kbd key={one}>{one}</kbd>
                  ))}
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
          <h2>Theme</h2>
          <div class="actions" role="group" aria-label="Theme">
            {THEMES.map((one) => (
              <button
                key={one}
                type="button"
                aria-pressed={theme.value === one}
                onClick={() => setTheme(one)}
              >
                {one}
              </button>
            ))}
          </div>
          <h2>You</h2>
          <p>
            {me.value?.name} may {me.value?.rights.join(', ') || 'do nothing'}.
          </p>
          <div class="actions">
            <button type="button" onClick={() => void leave()}>
              Sign out
            </button>
            <a class="button" href="/wall">
              Wall view
            </a>
            <button type="button" class="filled" onClick={() => dialog.current?.close()}>
              Close
            </button>
          </div>
        </>
      )}
    </dialog>
  );
}

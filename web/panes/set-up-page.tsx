import type { SetUpJson } from '../../src/bot/contract.ts';
import { Code } from '../parts/code.tsx';
import { Level } from '../parts/level.tsx';
import { Foreign } from '../parts/text.tsx';

/** What is left to finish, with the exact lines; ticked off by the bot as it is mended. */
export function SetUpPage({ items }: { readonly items: readonly SetUpJson[] }) {
  const open = items.filter((item) => !item.done);
  return (
    <article class="thread">
      <header class="thread-head">
        <h2>
          {open.length > 0
            ? `${open.length} ${open.length === 1 ? 'thing' : 'things'} to finish`
            : 'Set-up is finished'}
        </h2>
      </header>
      <p class="muted">Nothing here is an incident. Each is ticked off within 30 s of being mended.</p>
      <ul class="to-mend">
        {[...open, ...items.filter((item) => item.done)].map((item) => (
          <li key={item.id}>
            <p>
              <Level level={item.done ? 'ok' : 'set-up'} word={item.done ? 'DONE' : 'TO DO'} />{' '}
              <span class="strong">
                <Foreign text={item.target} />
              </span>{' '}
              <Foreign text={item.what} />
            </p>
            {!item.done && item.mend && <Code text={item.mend} title="Mend" />}
          </li>
        ))}
      </ul>
    </article>
  );
}

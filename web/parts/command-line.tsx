import { useEffect, useRef, useState } from 'preact/hooks';
import { command, completions, prefill } from '../live/desk.ts';
import { connection } from '../live/state.ts';

const KEPT = 50;
const past: string[] = [];

/** The command line: Tab completes, arrows go through the proposals or the history, Escape leaves. */
export function CommandLine() {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState('');
  const [offers, setOffers] = useState<readonly string[]>([]);
  const [chosen, setChosen] = useState(0);
  const [back, setBack] = useState(0);
  const asked = prefill.value;

  useEffect(() => {
    if (!asked) return;
    setText(asked.text);
    requestAnimationFrame(() => input.current?.focus());
  }, [asked]);

  const type = (next: string) => {
    setText(next);
    setBack(0);
    setChosen(0);
    if (next === '') setOffers([]);
    else
      void completions(next)
        .then(
          (found) => input.current?.value === next && setOffers(found.filter((one) => !next.endsWith(one))),
        )
        .catch(() => setOffers([]));
  };
  const complete = (offer: string) => {
    type(`${text.replace(/\S*$/, '')}${offer} `);
    input.current?.focus();
  };
  const recall = (steps: number) => {
    const next = Math.min(past.length, Math.max(0, back + steps));
    setBack(next);
    setText(next === 0 ? '' : (past[past.length - next] ?? ''));
    setOffers([]);
  };
  const submit = () => {
    const typed = text.trim();
    if (typed === '') return;
    past.push(typed);
    if (past.length > KEPT) past.shift();
    setText('');
    setOffers([]);
    setBack(0);
    void command(typed);
  };
  const key = (event: KeyboardEvent) => {
    const open = offers.length > 0;
    const offer = offers[chosen];
    if (event.key === 'Tab' && !event.shiftKey && offer !== undefined) complete(offer);
    else if (event.key === 'ArrowDown') open ? setChosen((chosen + 1) % offers.length) : recall(-1);
    else if (event.key === 'ArrowUp')
      open ? setChosen((chosen - 1 + offers.length) % offers.length) : recall(1);
    else if (event.key === 'Escape') open ? setOffers([]) : input.current?.blur();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <form
      class="command-line"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {offers.length > 0 && (
        <ul id="offers" class="offers" role="listbox" aria-label="Completions">
          {offers.map((offer, i) => (
            <li
              key={offer}
              id={`offer-${i}`}
              role="option"
              aria-selected={i === chosen}
              onPointerDown={(event) => {
                event.preventDefault();
                complete(offer);
              }}
            >
              {offer}
            </li>
          ))}
        </ul>
      )}
      <span class="prompt mono" aria-hidden="true">
        /
      </span>
      <input
        ref={input}
        id="command"
        role="combobox"
        aria-label="Command"
        aria-autocomplete="list"
        aria-expanded={offers.length > 0}
        aria-controls="offers"
        {...(offers.length > 0 ? { 'aria-activedescendant': `offer-${chosen}` } : {})}
        placeholder={
          connection.value.state === 'lost' ? 'waiting for the connection' : 'status, why, varnish top, help'
        }
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        value={text}
        onInput={(event) => type(event.currentTarget.value)}
        onKeyDown={key}
        onBlur={() => setOffers([])}
      />
    </form>
  );
}

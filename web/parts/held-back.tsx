import { plainText } from '../../src/message/build.ts';
import type { Block } from '../../src/message/contract.ts';
import { Foreign } from './text.tsx';

/** Chats get what is held back as one line of the head; here it opens. */
export function isHeldBack(block: Block): boolean {
  return block.kind === 'text' && plainText(block.text).startsWith('Holds back ');
}

export function HeldBack({ held }: { readonly held: readonly string[] }) {
  if (held.length === 0) return null;
  return (
    <details class="held">
      <summary>
        holds back {held.length} {held.length === 1 ? 'symptom' : 'symptoms'}
      </summary>
      <ul class="small">
        {held.map((one) => (
          <li key={one}>
            <Foreign text={one} />
          </li>
        ))}
      </ul>
    </details>
  );
}

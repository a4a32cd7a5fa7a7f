import { randomBytes } from 'node:crypto';
import { type APIButtonComponentWithCustomId, ButtonStyle, ComponentType } from 'discord.js';
import type { Form } from '../chat/contract.ts';
import type { Rendered } from './render.ts';

const KEPT = 300;
const PREFIX = 'reopen:';

/**
 * Forms that were shown, so that one with a mistake in it can be opened again with what was written: Discord allows
 * no form as the answer to a form, only a button that opens one.
 */
export class ShownForms {
  readonly #shown = new Map<string, Form>();
  readonly #again = new Map<string, Form>();

  shown(user: string, form: Form): void {
    keep(this.#shown, `${user} ${form.id}`, form);
  }

  of(user: string, formId: string): Form | undefined {
    return this.#shown.get(`${user} ${formId}`);
  }

  /** A button that opens the form again. */
  again(form: Form): Rendered['components'] {
    const key = randomBytes(9).toString('base64url');
    keep(this.#again, key, form);
    const button: APIButtonComponentWithCustomId = {
      ...{ type: ComponentType.Button, style: ButtonStyle.Primary, label: 'Open it again' },
      custom_id: PREFIX + key,
    };
    return [{ type: ComponentType.ActionRow, components: [button] }];
  }

  /** The form that a button opens again; `out of date` once it is forgotten. */
  opened(customId: string): Form | 'out of date' | undefined {
    if (!customId.startsWith(PREFIX)) return undefined;
    return this.#again.get(customId.slice(PREFIX.length)) ?? 'out of date';
  }
}

function keep(map: Map<string, Form>, key: string, form: Form): void {
  map.delete(key);
  map.set(key, form);
  for (const old of map.keys()) {
    if (map.size <= KEPT) return;
    map.delete(old);
  }
}

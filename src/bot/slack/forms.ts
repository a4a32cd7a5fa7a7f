import type { types } from '@slack/bolt';
import type { Form, FormField, FormValues } from '../chat/contract.ts';
import type { Place } from './answer.ts';
import { cut, own } from './escape.ts';

export const FORM_CALLBACK = 'warroom-form';
const INPUT = 'value';

// Slack: title and submit 24, option text 75 and value 150, private_metadata 3,000.
const TITLE_MAX = 24;
const OPTION_MAX = 75;
const CHOICE_MAX = 150;

const plain = (text: string, most: number): types.PlainTextElement => ({
  type: 'plain_text',
  text: cut(own(text), most) || '-',
  emoji: false,
});

export function formView(form: Form, place: Place): types.ModalView {
  const long = form.title.length > TITLE_MAX;
  return {
    type: 'modal',
    callback_id: FORM_CALLBACK,
    private_metadata: remember(form.id, place),
    title: plain(form.title, TITLE_MAX),
    submit: plain(form.submit, TITLE_MAX),
    close: plain('Cancel', TITLE_MAX),
    blocks: [
      ...(long ? [{ type: 'header' as const, text: plain(form.title, 150) }] : []),
      ...form.fields.map(input),
    ],
  };
}

function input(field: FormField): types.InputBlock {
  return {
    type: 'input',
    block_id: field.name,
    label: plain(field.label, 200),
    ...(field.about === undefined ? {} : { hint: plain(field.about, 200) }),
    optional: !field.required,
    element: element(field),
  };
}

function element(field: FormField): types.InputBlock['element'] {
  if (field.kind === 'choice') {
    const options = (field.choices ?? [])
      .filter(({ value }) => value.length > 0 && value.length <= CHOICE_MAX)
      .slice(0, 100)
      .map(({ value, label }) => ({ text: plain(label, OPTION_MAX), value }));
    const chosen = options.find(({ value }) => value === field.value);
    if (options.length > 0)
      return {
        type: 'static_select',
        action_id: INPUT,
        options,
        ...(chosen ? { initial_option: chosen } : {}),
      };
  }
  return {
    type: 'plain_text_input',
    action_id: INPUT,
    multiline: field.kind === 'long-text',
    max_length: 3_000,
    ...(field.value ? { initial_value: cut(field.value, 3_000) } : {}),
  };
}

function remember(form: string, { channel, thread, responseUrl }: Place): string {
  const text = JSON.stringify({ form, channel, thread, responseUrl });
  return text.length <= 3_000 ? text : JSON.stringify({ form, channel, thread });
}

/** Which form it was and where it was opened; undefined for what we did not write. */
export function remembered(
  metadata: unknown,
): { form: string; channel?: string; thread?: string; responseUrl?: string } | undefined {
  try {
    const value: unknown = JSON.parse(String(metadata));
    if (typeof value !== 'object' || value === null) return undefined;
    const { form, channel, thread, responseUrl } = value as Record<string, unknown>;
    if (typeof form !== 'string') return undefined;
    return {
      form,
      ...(typeof channel === 'string' ? { channel } : {}),
      ...(typeof thread === 'string' ? { thread } : {}),
      ...(typeof responseUrl === 'string' ? { responseUrl } : {}),
    };
  } catch {
    return undefined;
  }
}

interface Answered {
  readonly value?: string | null;
  readonly selected_option?: { readonly value?: string } | null;
}

/** What a person wrote, by field; an empty field is left out. */
export function formValues(state: Readonly<Record<string, Readonly<Record<string, Answered>>>>): FormValues {
  return Object.fromEntries(
    Object.entries(state).flatMap(([field, answers]) => {
      const answer = answers[INPUT];
      const value = answer?.selected_option?.value ?? answer?.value ?? '';
      return value.trim() === '' ? [] : [[field, value] as const];
    }),
  );
}

/**
 * A message without a platform. Renderers turn it into Block Kit, embeds, HTML or a terminal page; each ends in
 * an exhaustive `never`, and fits its platform's limits by cutting visibly.
 */
export interface Message {
  readonly blocks: readonly Block[];
  /** The people to be mentioned, by their name in the config or an `@group` of it; never from a watched system. */
  readonly mentions?: readonly string[];
}

/** Level of what a message is about; `set-up` is a card of things to finish. */
export type Tone = 'ok' | 'warn' | 'critical' | 'unknown' | 'set-up';

export type Block =
  /** `word` stands for the tone's own (RESOLVED instead of OK). */
  | { readonly kind: 'heading'; readonly tone?: Tone; readonly word?: string; readonly text: Text }
  | { readonly kind: 'text'; readonly text: Text }
  | { readonly kind: 'fields'; readonly rows: readonly Field[] }
  | {
      readonly kind: 'table';
      readonly title?: string;
      readonly columns: readonly TableColumn[];
      readonly rows: readonly (readonly (string | number | null)[])[];
    }
  | {
      readonly kind: 'code';
      readonly language: 'sh' | 'vcl' | 'sql' | 'yaml' | 'text';
      readonly text: string;
      readonly title?: string;
    }
  | {
      readonly kind: 'chart';
      readonly title: string;
      readonly unit: string;
      readonly points: readonly { readonly at: number; readonly value: number }[];
      readonly limit?: number;
    }
  | { readonly kind: 'actions'; readonly actions: readonly Action[] };

export interface Field {
  readonly tone?: Tone;
  readonly name: Text;
  readonly value: Text;
}

/** `unit` is one of the units of readings; cells of a column without one are text or counts. Every cell is foreign text. */
export interface TableColumn {
  readonly name: string;
  readonly unit?: string;
}

/** What a button or a command does. `id` is an incident's or proposal's id (`12`, `12-A`); of `parameters` it is `12.cache-rule`. */
export type ActionKind =
  | 'acknowledge'
  | 'silence'
  | 'approve'
  | 'refuse'
  | 'show-plan'
  | 'ask-again'
  | 'parameters'
  | 'give-back'
  | 'timeline';
export interface Action {
  readonly kind: ActionKind;
  readonly id: string;
  readonly label: string;
  readonly style: 'primary' | 'plain' | 'danger';
  /** The plan that an approval is bound to. */
  readonly planHash?: string;
}

/**
 * Rich text. `plain` and `strong` are Warroom's own words; `foreign` came from a watched system or a person and is
 * shown as it is: it mentions nobody, links nowhere, formats nothing. `time` is UTC milliseconds, shown in the
 * launch's zone.
 */
export type Span =
  | { readonly kind: 'plain'; readonly text: string }
  | { readonly kind: 'strong'; readonly text: string }
  | { readonly kind: 'foreign'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'time'; readonly at: number; readonly seconds: boolean };
export type Text = readonly Span[];

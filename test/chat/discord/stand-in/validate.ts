import type { Component, MessageBody, Option } from './world.ts';

/** What is wrong with a form body: the path of the field, Discord's code for it, its sentence. */
export interface FormError {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

class Findings {
  readonly errors: FormError[] = [];
  tooLong(path: string, value: string | undefined, max: number, min = 0): void {
    if (value !== undefined && (value.length > max || value.length < min))
      this.add(path, 'BASE_TYPE_BAD_LENGTH', `Must be between ${min} and ${max} in length.`);
  }
  tooMany(path: string, list: readonly unknown[] | undefined, max: number): void {
    if (list && list.length > max)
      this.add(path, 'BASE_TYPE_MAX_LENGTH', `Must be ${max} or fewer in length.`);
  }
  add(path: string, code: string, message: string): void {
    this.errors.push({ path, code, message });
  }
}

/** An error body as Discord writes it: code 50035 and the nested errors. */
export function invalidForm(errors: readonly FormError[]): object {
  const nested: Record<string, unknown> = {};
  for (const { path, code, message } of errors) {
    let at = nested;
    for (const step of path.split('.')) {
      at[step] ??= {};
      at = at[step] as Record<string, unknown>;
    }
    at['_errors'] = [{ code, message }];
  }
  return { code: 50035, message: 'Invalid Form Body', errors: nested };
}

export function messageErrors(body: MessageBody): FormError[] {
  const found = new Findings();
  found.tooLong('content', body.content, 2000);
  found.tooMany('embeds', body.embeds, 10);
  if (typeof body.nonce === 'string') found.tooLong('nonce', body.nonce, 25);
  let total = 0;
  body.embeds?.forEach((embed, i) => {
    const path = `embeds.${i}`;
    found.tooLong(`${path}.title`, embed.title, 256);
    found.tooLong(`${path}.description`, embed.description, 4096);
    found.tooLong(`${path}.footer.text`, embed.footer?.text, 2048);
    found.tooLong(`${path}.author.name`, embed.author?.name, 256);
    found.tooMany(`${path}.fields`, embed.fields, 25);
    embed.fields?.forEach((field, j) => {
      found.tooLong(`${path}.fields.${j}.name`, field.name, 256, 1);
      found.tooLong(`${path}.fields.${j}.value`, field.value, 1024, 1);
    });
    const texts = [embed.title, embed.description, embed.footer?.text, embed.author?.name];
    total += texts.reduce((sum, text) => sum + (text?.length ?? 0), 0);
    total += (embed.fields ?? []).reduce((sum, field) => sum + field.name.length + field.value.length, 0);
  });
  if (total > 6000) found.add('embeds', 'MAX_EMBED_SIZE_EXCEEDED', 'Embed size exceeds maximum size of 6000');
  rows(body.components, found);
  mentions(body, found);
  return found.errors;
}

function rows(components: readonly Component[] | undefined, found: Findings): void {
  found.tooMany('components', components, 5);
  const ids = new Set<string>();
  components?.forEach((row, i) => {
    const path = `components.${i}`;
    if (row.type !== 1) found.add(`${path}.type`, 'UNION_TYPE_CHOICES', 'Value must be one of {1}.');
    const buttons = row.components ?? [];
    if (buttons.length < 1 || buttons.length > 5)
      found.add(`${path}.components`, 'BASE_TYPE_BAD_LENGTH', 'Must be between 1 and 5 in length.');
    buttons.forEach((button, j) => {
      const at = `${path}.components.${j}`;
      found.tooLong(`${at}.custom_id`, button.custom_id ?? '', 100, 1);
      found.tooLong(`${at}.label`, button.label ?? '', 80, 1);
      if (ids.has(button.custom_id ?? ''))
        found.add(
          `${at}.custom_id`,
          'COMPONENT_CUSTOM_ID_DUPLICATED',
          'Component custom id cannot be duplicated',
        );
      ids.add(button.custom_id ?? '');
    });
  });
}

function mentions(body: MessageBody, found: Findings): void {
  const allowed = body.allowed_mentions;
  for (const kind of ['users', 'roles'] as const) {
    found.tooMany(`allowed_mentions.${kind}`, allowed?.[kind], 100);
    if (allowed?.[kind] && allowed.parse?.includes(kind))
      found.add(
        'allowed_mentions',
        'MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE',
        `parse:["${kind}"] and ${kind}: [ids...] are mutually exclusive.`,
      );
    if (new Set(allowed?.[kind]).size !== (allowed?.[kind]?.length ?? 0))
      found.add(
        `allowed_mentions.${kind}`,
        'SET_TYPE_ALREADY_CONTAINS_VALUE',
        'The set already contains that value.',
      );
  }
}

export interface Modal {
  readonly title: string;
  readonly custom_id: string;
  readonly components: readonly Component[];
}

export function modalErrors(modal: Modal): FormError[] {
  const found = new Findings();
  found.tooLong('title', modal.title, 45, 1);
  found.tooLong('custom_id', modal.custom_id, 100, 1);
  found.tooMany('components', modal.components, 5);
  if (modal.components.length === 0) found.add('components', 'BASE_TYPE_REQUIRED', 'This field is required');
  modal.components.forEach((label, i) => {
    const path = `components.${i}`;
    const inner = label.component;
    if (label.type !== 18 || !inner) {
      found.add(`${path}.type`, 'UNION_TYPE_CHOICES', 'Value must be one of {18}.');
      return;
    }
    found.tooLong(`${path}.label`, label.label ?? '', 45, 1);
    found.tooLong(`${path}.description`, label.description, 100);
    found.tooLong(`${path}.component.custom_id`, inner.custom_id ?? '', 100, 1);
    found.tooLong(`${path}.component.value`, inner.value, Math.min(4000, inner.max_length ?? 4000));
    if (inner.type === 3) {
      if ((inner.options?.length ?? 0) < 1 || (inner.options?.length ?? 0) > 25)
        found.add(`${path}.component.options`, 'BASE_TYPE_BAD_LENGTH', 'Must be between 1 and 25 in length.');
      inner.options?.forEach((option, j) => {
        found.tooLong(`${path}.component.options.${j}.label`, option.label, 100, 1);
        found.tooLong(`${path}.component.options.${j}.value`, option.value, 100, 1);
      });
    } else if (inner.type !== 4)
      found.add(`${path}.component.type`, 'UNION_TYPE_CHOICES', 'Value must be one of {3, 4}.');
  });
  return found.errors;
}

const NAME = /^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$/u;

export function commandErrors(commands: readonly Option[]): FormError[] {
  const found = new Findings();
  found.tooMany('commands', commands, 100);
  commands.forEach((command, i) => {
    if (characters(command) > 8000)
      found.add(String(i), 'APPLICATION_COMMAND_TOO_LARGE', 'Command exceeds maximum size (8000)');
    optionErrors(command, String(i), found);
  });
  return found.errors;
}

function optionErrors(option: Option, path: string, found: Findings): void {
  if (!NAME.test(option.name) || option.name !== option.name.toLowerCase())
    found.add(`${path}.name`, 'STRING_TYPE_REGEX', 'String value did not match validation regex.');
  found.tooLong(`${path}.description`, option.description, 100, 1);
  found.tooMany(`${path}.options`, option.options, 25);
  found.tooMany(`${path}.choices`, option.choices, 25);
  if (option.autocomplete && option.choices)
    found.add(
      path,
      'APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES',
      'Autocomplete and choices exclude each other.',
    );
  const names = (option.options ?? []).map((one) => one.name);
  if (new Set(names).size !== names.length)
    found.add(
      `${path}.options`,
      'APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS',
      'Option names must be unique',
    );
  let optional = false;
  option.options?.forEach((one, j) => {
    if (one.required && optional)
      found.add(
        `${path}.options.${j}`,
        'APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID',
        'Required options must be placed before non-required options',
      );
    if (one.type > 2 && !one.required) optional = true;
    optionErrors(one, `${path}.options.${j}`, found);
  });
}

function characters(option: Option): number {
  const own = option.name.length + option.description.length;
  const choices = (option.choices ?? []).reduce((sum, one) => sum + one.name.length + one.value.length, 0);
  return own + choices + (option.options ?? []).reduce((sum, one) => sum + characters(one), 0);
}

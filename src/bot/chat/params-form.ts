import { z } from 'zod';
import type { FormField, FormValues } from './contract.ts';

/** A remediation's parameters as fields of a form, and back. The schema is the only source of both. */

const MOST_FIELDS = 5;
const REST = 'more';

interface Property {
  readonly name: string;
  readonly type: 'number' | 'boolean' | 'list' | 'text';
  readonly choices: readonly string[];
  readonly required: boolean;
  readonly about: string;
}

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly items?: unknown;
}

/** Fields in the order: what is set already, what is required, the rest. Beyond 5 the last one takes name=value lines. */
export function paramsFields(
  schema: z.ZodType,
  given: Readonly<Record<string, unknown>>,
): readonly FormField[] {
  const all = [...propertiesOf(schema)].sort((a, b) => rank(a, given) - rank(b, given));
  const whole = all.length <= MOST_FIELDS;
  const shown = whole ? all : all.slice(0, MOST_FIELDS - 1);
  const fields = shown.map((property) => fieldOf(property, given[property.name]));
  if (whole) return fields;
  const rest = all.slice(MOST_FIELDS - 1);
  const set = rest.filter(({ name }) => given[name] !== undefined);
  return [
    ...fields,
    {
      name: REST,
      label: 'More, as name=value, one a line',
      about: rest
        .map(({ name }) => name)
        .join(', ')
        .slice(0, 100),
      kind: 'long-text',
      required: false,
      ...(set.length > 0
        ? { value: set.map(({ name }) => `${name}=${written(given[name])}`).join('\n') }
        : {}),
    },
  ];
}

export type ReadParams =
  | { readonly params: Readonly<Record<string, unknown>> }
  /** By field; what no field has is under the last one. */
  | { readonly problems: Readonly<Record<string, string>> };

/** The values of a form as parameters, checked by the schema. */
export function readParams(schema: z.ZodType, values: FormValues): ReadParams {
  const properties = propertiesOf(schema);
  const words: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) if (name !== REST) words[name] = value;
  for (const line of (values[REST] ?? '').split('\n').map((one) => one.trim())) {
    if (line === '') continue;
    const [, name, value] = /^([A-Za-z][A-Za-z0-9]*)\s*=\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      return { problems: { [REST]: `"${line.slice(0, 40)}" is not name=value.` } };
    words[name] = value;
  }
  const params: Record<string, unknown> = {};
  for (const [name, word] of Object.entries(words)) {
    const property = properties.find((one) => one.name === name);
    if (!property) return { problems: { [fieldFor(name, values)]: `There is no parameter ${name}.` } };
    params[name] = typed(word.trim(), property.type);
  }
  const parsed = schema.safeParse(params);
  if (parsed.success) return { params };
  const problems: Record<string, string> = {};
  for (const issue of parsed.error.issues) {
    const name = String(issue.path[0] ?? '');
    const field = fieldFor(name, values);
    problems[field] ??= `${field === REST && name !== '' ? `${name}: ` : ''}${issue.message}`;
  }
  return { problems };
}

function propertiesOf(schema: z.ZodType): Property[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, JsonSchema>;
    required?: readonly string[];
  };
  return Object.entries(json.properties ?? {}).map(([name, one]) => ({
    name,
    type: typeOf(one),
    choices: (one.enum ?? []).map(String),
    required: json.required?.includes(name) ?? false,
    about: one.description ?? '',
  }));
}

function typeOf(one: JsonSchema): Property['type'] {
  if (one.type === 'number' || one.type === 'integer') return 'number';
  if (one.type === 'boolean') return 'boolean';
  // A preprocessed list has no type of its own in the schema; text is accepted there, a comma makes a list of it.
  return one.type === 'string' || one.enum !== undefined ? 'text' : 'list';
}

function rank({ name, required }: Property, given: Readonly<Record<string, unknown>>): number {
  return required ? 0 : given[name] !== undefined ? 1 : 2;
}

function fieldOf({ name, type, choices, required, about }: Property, given: unknown): FormField {
  const options = type === 'boolean' ? ['true', 'false'] : choices;
  const field = {
    name,
    label: name.slice(0, 45),
    required,
    ...(about === '' ? {} : { about: about.slice(0, 100) }),
    ...(given === undefined ? {} : { value: written(given) }),
  };
  if (options.length === 0) return { ...field, kind: 'text' };
  return {
    ...field,
    kind: 'choice',
    choices: options.slice(0, 25).map((value) => ({ value, label: value.slice(0, 75) })),
  };
}

function written(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : String(value);
}

function typed(word: string, type: Property['type']): unknown {
  if (type === 'number') return /^-?\d+(\.\d+)?$/.test(word) ? Number(word) : word;
  if (type === 'boolean') return word === 'true' ? true : word === 'false' ? false : word;
  if (type === 'list')
    return word
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean);
  return word;
}

function fieldFor(name: string, values: FormValues): string {
  return name in values ? name : REST in values ? REST : (Object.keys(values).at(-1) ?? name);
}

import {
  type APILabelComponent,
  type APIModalInteractionResponseCallbackData,
  type APIModalSubmission,
  ComponentType,
  TextInputStyle,
} from 'discord.js';
import type { Form, FormField, FormValues } from '../chat/contract.ts';

const FIELDS = 5;
const CHOICES = 25;
const TEXT = 4000;

/** A form as Discord's modal; the form's id comes back with the answers. */
export function modalOf(form: Form): APIModalInteractionResponseCallbackData {
  return {
    custom_id: form.id.slice(0, 100),
    title: form.title.slice(0, 45) || 'Form',
    components: form.fields.slice(0, FIELDS).map(labelled),
  };
}

/** The form with what was written before. */
export function refilled(form: Form, values: FormValues): Form {
  return {
    ...form,
    fields: form.fields.map(({ value: _, ...field }) => {
      const value = values[field.name];
      return value === undefined ? field : { ...field, value };
    }),
  };
}

function labelled(field: FormField): APILabelComponent {
  return {
    type: ComponentType.Label,
    label: field.label.slice(0, 45) || field.name,
    ...(field.about === undefined ? {} : { description: field.about.slice(0, 100) }),
    component: input(field),
  };
}

function input(field: FormField): APILabelComponent['component'] {
  const { name: custom_id, required, value } = field;
  const choices = field.kind === 'choice' ? (field.choices ?? []).slice(0, CHOICES) : [];
  if (choices.length > 0)
    return {
      ...{ type: ComponentType.StringSelect, custom_id, required },
      options: choices.map((choice) => ({
        ...{ value: choice.value.slice(0, 100), label: choice.label.slice(0, 100) || choice.value },
        default: choice.value === value,
      })),
    };
  return {
    ...{ type: ComponentType.TextInput, custom_id, required, max_length: TEXT },
    style: field.kind === 'long-text' ? TextInputStyle.Paragraph : TextInputStyle.Short,
    ...(value === undefined || value === '' ? {} : { value: value.slice(0, TEXT) }),
  };
}

/** What was written, by field; empty fields are left out. */
export function valuesOf(submission: APIModalSubmission): FormValues {
  const values: Record<string, string> = {};
  for (const row of submission.components) {
    if (row.type !== ComponentType.Label) continue;
    const { component } = row;
    const value =
      component.type === ComponentType.StringSelect
        ? component.values[0]
        : component.type === ComponentType.TextInput
          ? component.value
          : undefined;
    if (value !== undefined && value.trim() !== '') values[component.custom_id] = value.trim();
  }
  return values;
}

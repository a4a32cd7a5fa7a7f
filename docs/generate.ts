import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { COMMANDS } from '../src/bot/commands/index.ts';
import { slackManifest } from '../src/bot/slack/manifest.ts';
import { titleOf } from '../src/bot/views/titles.ts';
import { SYSTEMS } from '../src/checks/index.ts';
import { CAUSES } from '../src/diagnosis/index.ts';
import { REMEDIATIONS } from '../src/remediations/index.ts';

/** Pages made from the code: `npm run docs` writes them, `npm run docs -- --check` fails where one is out of date. */
const NOTE = '<!-- Made from the code by `npm run docs`: change it there. -->';

interface JsonField {
  readonly default?: unknown;
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
}

function fieldsOf(schema: z.ZodType): readonly (readonly [string, JsonField])[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, JsonField>;
  };
  return Object.entries(json.properties ?? {});
}

function checksIndex(): string {
  return [
    '# Checks',
    '',
    NOTE,
    '',
    'Change a threshold with `checks: { ID: { warn: … } }`, for one target with `ID@TARGET`, or switch it `off`.',
    '',
    '| check | question | its thread is called |',
    '| --- | --- | --- |',
    ...SYSTEMS.flatMap((system) =>
      system.checks.map(
        (check) => `| [${check.id}](checks/${check.id}.md) | ${check.question} | ${titleOf(check.id)} |`,
      ),
    ),
    '',
  ].join('\n');
}

function checkPages(): (readonly [file: string, text: string])[] {
  return SYSTEMS.flatMap((system) =>
    system.checks.map((check) => {
      const rows = fieldsOf(check.thresholds).map(
        ([name, field]) =>
          `| \`${name}\` | ${JSON.stringify(field.default ?? null)} | ${field.description ?? ''} |`,
      );
      const text = [
        `# ${check.id}`,
        '',
        NOTE,
        '',
        check.question,
        '',
        `Its thread is called "${titleOf(check.id)}".${lookOf(system.id)}`,
        '',
        ...(rows.length > 0 ? ['| threshold | default | why |', '| --- | --- | --- |', ...rows, ''] : []),
        '## When this is a false alarm',
        '',
        check.falseAlarm,
        '',
      ].join('\n');
      return [`docs/checks/${check.id}.md`, text] as const;
    }),
  );
}

function lookOf(system: string): string {
  const command = COMMANDS.find((one) => one.name === system);
  return command ? ` A look at it now: \`/launch ${command.example}\`.` : '';
}

function causesPage(): string {
  return [
    '# Causes',
    '',
    NOTE,
    '',
    'What the findings of several layers are put together to.',
    '',
    ...CAUSES.flatMap((cause) => [`## ${cause.id}`, '', cause.question, '']),
  ].join('\n');
}

function commandsPage(): string {
  const sections = COMMANDS.map((command) => {
    const words = [
      ...command.arguments.map(
        (argument) => `| \`${argument.name}\`${argument.required ? '' : ' (optional)'} | ${argument.about} |`,
      ),
      ...command.flags.map((flag) => `| \`${flag.name}\` | ${flag.about} |`),
    ];
    return [
      `## ${command.name}`,
      '',
      `${command.summary}. Needs the right \`${command.needs}\`.${command.short.length > 0 ? ` Short: ${command.short.map((short) => `\`${short}\``).join(', ')}.` : ''}`,
      '',
      ...(words.length > 0 ? ['| word | |', '| --- | --- |', ...words, ''] : []),
      '```',
      `/launch ${command.example}`,
      '```',
      '',
    ].join('\n');
  });
  return [
    '# Commands',
    '',
    NOTE,
    '',
    'The same in the console, on the command line (`warroom launch "…"`) and in a channel.',
    '',
    ...sections,
  ].join('\n');
}

function remediationsPage(): string {
  const sections = REMEDIATIONS.map((one) => {
    const rows = fieldsOf(one.params).map(
      ([name, field]) =>
        `| \`${name}\` | ${field.enum ? field.enum.map((value) => `\`${value}\``).join(' ') : (field.type ?? '')} | ${field.description ?? ''} |`,
    );
    return [
      `## ${one.id}`,
      '',
      `${one.summary}. ${one.risk} risk; at most ${one.budget.runs} times in ${one.budget.perMs / 60_000} minutes on one target; after one that did not help, not again for ${one.blockMs / 60_000} minutes.`,
      '',
      '| parameter | | |',
      '| --- | --- | --- |',
      ...rows,
      '',
      `The exact commands of a plan, before anything is done: \`/launch fix ${one.id} … --dry-run\`.`,
      '',
    ].join('\n');
  });
  return [
    '# Remediations',
    '',
    NOTE,
    '',
    'Each is planned with its exact commands, approved, prechecked again, locked, journalled, verified, and taken back by itself when it did not help.',
    '',
    ...sections,
  ].join('\n');
}

const PAGES: readonly (readonly [file: string, text: string])[] = [
  ['docs/checks.md', checksIndex()],
  ...checkPages(),
  ['docs/causes.md', causesPage()],
  ['docs/commands.md', commandsPage()],
  ['docs/remediations.md', remediationsPage()],
  ['config/slack-manifest.yaml', slackManifest()],
];

const check = process.argv.includes('--check');
for (const [file, text] of PAGES) {
  if (!check) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } else if (readOr(file) !== text) {
    process.stderr.write(`${file} is out of date: npm run docs\n`);
    process.exitCode = 1;
  }
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

import { own, paragraph, say, strong } from '../../message/build.ts';
import type { Block } from '../../message/contract.ts';
import { evidenceBlocks } from '../views/evidence.ts';
import { answer, incidentOf, isMessage } from './answer.ts';
import type { Command } from './contract.ts';

export const why: Command = {
  name: 'why',
  short: [],
  summary: 'Why an incident is: its findings with evidence, what is held back',
  example: 'why 12',
  arguments: [
    {
      name: 'incident',
      about: 'its number',
      kind: 'word',
      required: false,
      choices: (desk) => desk.incidents('open').map((one) => one.id),
    },
  ],
  flags: [],
  needs: 'see',
  run: async ({ args }, _asker, desk) => {
    const { incident: typed } = args;
    if (typed === undefined && desk.incidents('open').length === 0) {
      const bad = desk.seen.findings().filter((finding) => finding.level !== 'ok');
      if (bad.length === 0) return answer(say`Nothing is wrong that Warroom can see.`);
      return {
        blocks: [
          paragraph(say`No incident is open. Seen, but not confirmed or thin:`),
          {
            kind: 'fields',
            rows: bad.slice(0, 20).map((finding) => ({
              tone: finding.level,
              name: say`${finding.check}@${finding.target}`,
              value: say`${finding.summary}`,
            })),
          },
        ],
      };
    }
    const incident = incidentOf(typed, desk);
    if (isMessage(incident)) return incident;
    const blocks: Block[] = [
      { kind: 'heading', tone: incident.level, text: say`${own(`#${incident.id} `)}${incident.title}` },
    ];
    if (incident.cause)
      blocks.push(
        paragraph(
          say`${strong('Cause:')} ${own(`${incident.cause} (${incident.confidence ?? 'not sure'})`)}`,
        ),
      );
    for (const finding of incident.findings.slice(0, 8)) {
      blocks.push({
        kind: 'fields',
        rows: [
          {
            tone: finding.level,
            name: say`${finding.check}@${finding.target}${finding.subject ? `/${finding.subject}` : ''}`,
            value: say`${finding.summary}`,
          },
        ],
      });
      blocks.push(...evidenceBlocks(finding.evidence));
      if (finding.advice) blocks.push(paragraph(say`${strong('Advice:')} ${finding.advice}`));
    }
    if (incident.heldBack.length > 0) blocks.push(paragraph(say`Held back: ${incident.heldBack.join(', ')}`));
    return { blocks };
  },
};

/** One rule an arrow: main -> app -> bot -> remediations -> incidents -> diagnosis -> checks -> targets -> config, the leaves beside. */
const LEAVES = '(message|people|history|health|store)';

function mayOnlyUse(layer, allowed, comment) {
  return {
    name: `${layer.replace(/[^a-z]+/g, '-')}-arrow`,
    comment,
    severity: 'error',
    from: { path: `^src/${layer}/` },
    to: { path: '^src/', pathNot: `^src/(${[layer, ...allowed].join('|')})(/|\\.ts$)` },
  };
}

module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      comment: 'A circle means that two files are one idea.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    mayOnlyUse('errors', [], 'Sentences of errors know nothing.'),
    mayOnlyUse('config', ['errors'], 'The config is the ground that everything stands on.'),
    mayOnlyUse(
      'targets',
      ['config', 'errors'],
      'A target is how a thing is reached, not what is asked of it.',
    ),
    mayOnlyUse(
      'checks',
      ['targets', 'config', 'errors', 'health', 'message'],
      'A check never acts: it sees targets and nothing above.',
    ),
    mayOnlyUse(
      'diagnosis',
      ['checks', 'targets', 'config', 'errors'],
      'A cause works from what checks found and asks their probes.',
    ),
    mayOnlyUse(
      'incidents',
      ['diagnosis', 'checks', 'config', 'errors', LEAVES],
      'Incidents know findings and causes, and nothing of fixes or chat.',
    ),
    mayOnlyUse(
      'schedule',
      ['checks', 'targets', 'config', 'errors', LEAVES],
      'Rounds read and judge; they decide nothing.',
    ),
    mayOnlyUse(
      'remediations',
      ['incidents', 'diagnosis', 'checks', 'targets', 'config', 'errors', LEAVES],
      'Only remediations change a target; chat stands above them.',
    ),
    mayOnlyUse(
      'bot',
      ['remediations', 'incidents', 'diagnosis', 'schedule', 'checks', 'targets', 'config', 'errors', LEAVES],
      'The bot speaks; only app.ts and main.ts know the bot.',
    ),
    ...['message', 'people', 'history', 'health'].map((leaf) =>
      mayOnlyUse(leaf, ['config', 'errors'], 'A leaf imports nothing but the config.'),
    ),
    mayOnlyUse('store', ['config', 'errors'], 'A leaf imports nothing but the config.'),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};

import type { Action, Block, Message } from '../../src/message/contract.ts';
import { Chart } from './chart.tsx';
import { Code } from './code.tsx';
import { Level, Mark } from './level.tsx';
import { DataTable } from './table.tsx';
import { Spans } from './text.tsx';

interface Options {
  /** In the channel a thread shows its gist: what it holds whole is one press away. */
  readonly brief?: boolean;
  /** Under a title of its own, so its headings are one level lower. */
  readonly nested?: boolean;
  readonly onAction?: (action: Action) => void;
}

/** A message as HTML. Each block has its own shape; a new kind does not compile until it has one here. */
export function MessageView({
  message,
  ...options
}: Options & { readonly message: Pick<Message, 'blocks'> }) {
  return <div class="message">{message.blocks.map((block, i) => blockView(block, i, options))}</div>;
}

function blockView(block: Block, key: number, { brief, nested, onAction }: Options) {
  switch (block.kind) {
    case 'heading': {
      const Heading = nested ? 'h3' : 'h2';
      return (
        <Heading key={key} class="heading">
          {block.tone && <Level level={block.tone} {...(block.word ? { word: block.word } : {})} />}
          <span>
            <Spans text={block.text} />
          </span>
        </Heading>
      );
    }
    case 'text':
      return (
        <p key={key}>
          <Spans text={block.text} />
        </p>
      );
    case 'fields':
      return (
        <dl key={key} class="fields">
          {block.rows.map((row, i) => (
            <div key={i}>
              <dt>
                {row.tone && <Mark level={row.tone} />}
                <Spans text={row.name} />
              </dt>
              <dd>
                <Spans text={row.value} />
              </dd>
            </div>
          ))}
        </dl>
      );
    case 'table':
      return brief ? null : <DataTable key={key} table={block} />;
    case 'code':
      return brief ? null : (
        <Code key={key} text={block.text} {...(block.title ? { title: block.title } : {})} />
      );
    case 'chart':
      return brief ? null : (
        <Chart
          key={key}
          title={block.title}
          series={{
            metric: block.title,
            unit: unitOf(block.unit),
            points: block.points.map((point) => [point.at, point.value] as const),
            changes: [],
            ...(block.limit === undefined ? {} : { limit: block.limit }),
          }}
        />
      );
    case 'actions':
      return onAction ? (
        <div key={key} class="actions">
          {block.actions.map((action) => (
            <button
              key={action.kind}
              type="button"
              class={action.style === 'primary' ? 'filled' : ''}
              onClick={() => onAction(action)}
            >
              {action.label}
            </button>
          ))}
        </div>
      ) : null;
    default:
      return never(block);
  }
}

type Unit = Parameters<typeof Chart>[0]['series']['unit'];
const UNITS: readonly string[] = ['s', 'ms', 'B', 'share', '/s', 'cores', 'count', 'B/s', 'pages/s'];
function unitOf(unit: string): Unit {
  return UNITS.includes(unit) ? (unit as Unit) : '';
}

function never(block: never): never {
  throw new TypeError(`A block of an unknown kind: ${JSON.stringify(block)}`);
}

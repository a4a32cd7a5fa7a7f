import type { WebClient } from '@slack/web-api';
import { problemOf } from './problems.ts';
import { pause } from './wait.ts';

export interface WholeFile {
  readonly name: string;
  readonly text: string;
}

const LOOKS_MS = [500, 1_500, 4_000] as const;

/**
 * Shares a file in a thread (or a direct message, which is a channel too). Slack shares after it has answered, and
 * now and then never: in a thread it is looked for. Gives what went wrong, or nothing.
 */
export async function shareFile(
  client: WebClient,
  place: { readonly channel: string; readonly thread?: string | undefined },
  file: WholeFile,
  signal: AbortSignal,
): Promise<string | undefined> {
  let id: string | undefined;
  try {
    const shared = { filename: file.name, title: file.name, content: file.text, channel_id: place.channel };
    const answer = await client.filesUploadV2(
      place.thread === undefined ? shared : { ...shared, thread_ts: place.thread },
    );
    id = answer.files[0]?.files?.[0]?.id;
  } catch (thrown) {
    return problemOf(thrown, 'edit').message;
  }
  if (id === undefined || place.thread === undefined) return undefined;
  for (const ms of LOOKS_MS) {
    await pause(ms, signal);
    if (signal.aborted) return undefined;
    const seen = await isShared(client, place.channel, place.thread, id);
    if (seen !== 'no') return undefined;
  }
  return 'Slack took the file and did not share it';
}

async function isShared(
  client: WebClient,
  channel: string,
  thread: string,
  id: string,
): Promise<'yes' | 'no' | 'cannot tell'> {
  try {
    const { messages = [] } = await client.conversations.replies({ channel, ts: thread, limit: 200 });
    return messages.some((message) => message.files?.some((file) => file.id === id)) ? 'yes' : 'no';
  } catch {
    // The card is there, and the file most likely too: nothing to alarm anybody with.
    return 'cannot tell';
  }
}

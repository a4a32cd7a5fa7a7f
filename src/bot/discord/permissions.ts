import { OAuth2Scopes, PermissionFlagsBits } from 'discord.js';

export interface Needed {
  readonly bit: bigint;
  /** As the server's settings call it. */
  readonly name: string;
  readonly why: string;
}

/** The least that Warroom needs in its channel. */
export const NEEDED: readonly Needed[] = [
  { bit: PermissionFlagsBits.ViewChannel, name: 'View Channel', why: 'to see the channel at all' },
  { bit: PermissionFlagsBits.SendMessages, name: 'Send Messages', why: 'to post heads and notes' },
  {
    bit: PermissionFlagsBits.CreatePublicThreads,
    name: 'Create Public Threads',
    why: 'to open one thread an incident',
  },
  {
    bit: PermissionFlagsBits.SendMessagesInThreads,
    name: 'Send Messages in Threads',
    why: 'to reply in the thread of an incident',
  },
  { bit: PermissionFlagsBits.EmbedLinks, name: 'Embed Links', why: 'since every message is an embed' },
  { bit: PermissionFlagsBits.AttachFiles, name: 'Attach Files', why: 'to send the whole of what was cut' },
  {
    bit: PermissionFlagsBits.ReadMessageHistory,
    name: 'Read Message History',
    why: 'to find a message whose sending had an unknown outcome',
  },
  { bit: PermissionFlagsBits.PinMessages, name: 'Pin Messages', why: 'to pin the board' },
];

export const PERMISSIONS = NEEDED.reduce((all, { bit }) => all | bit, 0n);

/** The link that invites the bot with the least permissions. */
export function inviteLink(application: string): string {
  const scopes = [OAuth2Scopes.Bot, OAuth2Scopes.ApplicationsCommands].join('+');
  return `https://discord.com/oauth2/authorize?client_id=${application}&scope=${scopes}&permissions=${PERMISSIONS}`;
}

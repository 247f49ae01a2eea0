/** `afterbuild replay pause|resume|cancel`: from another terminal, by a decision on `afterbuild.control`. */
import { systemClock } from '../../lib/process/clock';
import { ConfigError } from '../../lib/process/config';
import { replayGroup, wishKey, wishRecord, type Wish } from '../../lib/replay/record';
import { exitCodes, type ExitCode } from '../exit-codes';
import { printResult } from '../output';
import { refuseBlank } from '../signature';
import { replayOf, type NameOptions } from './options';
import { forget, withReplays } from './session';

export interface SteerOptions extends NameOptions {
  readonly author: string;
  readonly reason: string;
  readonly yes?: boolean;
}

const said: Readonly<Record<Wish, string>> = { run: 'goes on', pause: 'pauses', cancel: 'ends' };

export async function steer(wish: Wish, options: SteerOptions): Promise<ExitCode> {
  const { author, reason } = options;
  refuseBlank({ author, reason });
  const line = await withReplays(async (session) => {
    const of = replayOf(options, session.config.AFTERBUILD_NAMESPACE);
    const group = replayGroup(of);
    if (!session.replays.get(of)) {
      throw new ConfigError(
        `No replay ${group} has begun that is not over: replay status lists them.`,
      );
    }
    const [member] = await session.groups.members(session.named(group));
    const what = `${group} ${said[wish]}, by ${author}: ${reason}.`;
    if (options.yes !== true) return `${what} Nothing was changed; --yes does it.`;
    if (member === undefined && wish === 'cancel') {
      await forget(session, of);
      return `${what} No run worked on it: its group was removed.`;
    }
    const by = { author, reason, atMs: systemClock.nowMs() };
    await session.write(wishKey(of), wishRecord(of, wish, by));
    return member === undefined
      ? `${what} No run works on it at the moment.`
      : `${what} The run on ${member} follows within seconds.`;
  });
  printResult(options, { wish, author, reason, changed: options.yes === true }, [line]);
  return exitCodes.ok;
}

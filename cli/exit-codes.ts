/** The exit codes of `afterbuild`, and their descriptions in the help. */
export { exitCodes, type ExitCode } from '../lib/process/exit-codes';

/** For `afterbuild --help`. */
export const exitCodesHelp = `
Exit codes:
  0  done
  1  a check found something wrong, or the command failed
  2  the command line is wrong
  3  a setting, a privilege or another prerequisite is missing; nothing was changed
  4  a server does not answer; the same command may work later
  5  done, but changes of the database were lost before: a full sweep must follow
  6  work was there, and for too long it was left standing for no reason that has a name; another process takes over
  129  a second SIGHUP ended it at once, without the drain; what was in flight is repeated
  130  the same by SIGINT (Ctrl-C); a command that is no process ends so at the first one
  143  the same by SIGTERM`;

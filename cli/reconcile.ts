/** `afterbuild reconcile --check`: do the rows and the bucket agree? Safe beside a live pipeline. */
import { Command } from 'commander';
import { Brake } from '../lib/brake/brake';
import { refuseBucket } from '../lib/brake/decide';
import { systemClock } from '../lib/process/clock';
import { type Connections, connectionSchema, loadConfig } from '../lib/process/config';
import { checkStores, type Break, type CheckReport } from '../lib/reconcile/check';

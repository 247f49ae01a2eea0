/** Scenarios of test/scenarios/brokers find the stack of three brokers where others find the one of one. */
import { brokersStackVariable } from './global-setup-brokers';
import { stackFileVariable } from './stack';

process.env[stackFileVariable] = process.env[brokersStackVariable];

/** Gives the scenarios of test/scenarios/brokers the stack of three brokers in place of the one with one broker. */
import { brokersStackVariable } from './global-setup-brokers';
import { stackFileVariable } from './stack';

process.env[stackFileVariable] = process.env[brokersStackVariable];

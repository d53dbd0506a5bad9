import { defineConfig } from "@playwright/test";
import tests from "../playwright.config.ts";

// `make screenshots`: one worker, one attempt, and only the pictures.
export default defineConfig({ ...tests, testDir: ".", fullyParallel: false, workers: 1, retries: 0, reporter: "list" });

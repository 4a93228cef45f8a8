"""cache: what lies in the disk store."""
import os
import unittest

from command import CommandTest, runnable_targets


class Cache(CommandTest):
    def setUp(self):
        super().setUp()
        self.store = self.folder / "kernels"
        os.environ["SLUICE_CACHE"] = str(self.store)
        self.addCleanup(os.environ.pop, "SLUICE_CACHE")
        self.succeeds("run", "gelu", "--values", "1,2")
        self.succeeds("run", "softmax", "--values", "1,2")
        self.kept = 2 if len(runnable_targets()) > 1 else 0

    def entries(self):
        return sorted(each for each in self.store.iterdir() if len(each.name) == 32)

    def test_info(self):
        out = self.succeeds("cache", "info", "--json").json()
        self.assertEqual(out["entries"], self.kept)
        self.assertEqual(out["bytes"], sum(each.stat().st_size for each in self.entries()))
        self.assertIn(f"{self.kept} entries", self.succeeds("cache", "info").out)

    def test_verify(self):
        out = self.succeeds("cache", "verify", "--json").json()
        self.assertEqual((out["sound"], out["other_builds"], out["damaged"]), (self.kept, 0, []))
        for each in self.entries()[:1]:
            each.write_bytes(each.read_bytes()[:-1])
            found = self.sluice("cache", "verify")
            self.assertEqual(found.code, 1)
            self.assertIn(f"damaged: {each.name}", found.out)
        self.succeeds("run", "gelu", "--values", "1,2")
        self.succeeds("run", "softmax", "--values", "1,2")
        self.succeeds("cache", "verify", "--folder", self.store)

    def test_clear(self):
        other = self.store / "other.txt"
        other.write_text("not a kernel")
        self.assertEqual(self.succeeds("cache", "clear", "--json").json()["removed"], self.kept)
        self.assertEqual(self.entries(), [])
        self.assertTrue(other.exists())

    def test_bad_usage(self):
        self.fails("cache", "verify", "--folder", "/dev/null", says="can't be used")
        self.fails("cache", says="required")
        os.environ["SLUICE_CACHE"] = ""
        self.fails("cache", "info", says="--folder")


if __name__ == "__main__":
    unittest.main()

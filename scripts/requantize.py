"""Writes a GGUF file with weights of another type, with llama.cpp's own quantizer, from weights of any type.

For measurements of speed: what was lost before is not won back, and is lost once more.

Run with the Python of scripts/install-llama-cpp.sh:

    python scripts/requantize.py MODEL.gguf Q4_0 MODEL-Q4_0.gguf
"""

import argparse
import ctypes
import os
import sys

import llama_cpp as ll

TYPES = {
    "F16": ll.LLAMA_FTYPE_MOSTLY_F16,
    "BF16": ll.LLAMA_FTYPE_MOSTLY_BF16,
    "Q8_0": ll.LLAMA_FTYPE_MOSTLY_Q8_0,
    "Q4_0": ll.LLAMA_FTYPE_MOSTLY_Q4_0,
    "Q4_1": ll.LLAMA_FTYPE_MOSTLY_Q4_1,
    "Q4_K_M": ll.LLAMA_FTYPE_MOSTLY_Q4_K_M,
}


@ll.llama_log_callback
def silent(level, text, data):
    pass


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], epilog="example: requantize.py model.gguf Q4_0 model-Q4_0.gguf")
    parser.add_argument("model")
    parser.add_argument("type", choices=TYPES)
    parser.add_argument("output")
    options = parser.parse_args()
    if not os.path.isfile(options.model):
        sys.exit("no file " + options.model)
    ll.llama_backend_init()
    ll.llama_log_set(silent, ctypes.c_void_p(0))
    parameters = ll.llama_model_quantize_default_params()
    parameters.ftype = TYPES[options.type]
    parameters.allow_requantize = True
    # Under another name until it is whole.
    partial = options.output + ".partial"
    status = ll.llama_model_quantize(options.model.encode(), partial.encode(), ctypes.byref(parameters))
    if status != 0:
        sys.exit("llama.cpp cannot write %s as %s (status %d)" % (options.model, options.type, status))
    os.replace(partial, options.output)


main()

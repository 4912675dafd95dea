# SPDX-License-Identifier: Apache-2.0
"""Find and hide text that is burned into pixels.

The story is told in `deidgate.pixels.clean`. Everything else is one step of it:

====================  =====================================================================
`risk`                how likely it is that pixels of this object carry identifying text
`devices`             rectangles that a device is known to write into, by device and geometry
`regions`             the outside of a Sequence of Ultrasound Regions
`description`         what the Image Pixel Module says, read once and checked
`frames`              decoded frames, one at a time
`suspicion`           a cheap array test: does this frame need to be read at all?
`text`                boxes of text in a frame
`model`               the one place that imports the neural networks
`sampling`            which instances and frames of a series are read
`mask`                a new dataset with boxes blanked
====================  =====================================================================
"""

"""From a record (bench/record.schema.json) to a report: Markdown, with PNG and SVG pictures and their data beside them.

- ``load``    records and their rows: who made a row, which record came before
- ``style``   one look for all pictures, one colour for each peer
- ``figure``  what a figure is: a picture, its data, its sentences
- ``lengths copies memory errors roofline layers headline change``  the figures, one file each
- ``write``   all of them into a folder;  ``fill``  figures quoted in documents

Usage: ``python bench/report RECORD [--out FOLDER] [--previous RECORD]``
"""

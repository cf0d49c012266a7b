"""Who a text says has written it: names of contestants, families and vendors, told in the first person. No Django here
but in `catalogue_names.py`."""
